/** Each message comes once, and whatever does not is counted. */

import { create } from "@bufbuild/protobuf";
import { expect, it } from "vitest";
import { JoinRoomResponseSchema, RoomPushSchema } from "../gen/skein/v1/room_pb.js";
import { Place, type RoomNews } from "./place.js";

const messages = (from: number, count: number) =>
  Array.from({ length: count }, (_, index) => ({ offset: BigInt(from + index) }));

function joined(place: Place, epoch: number, offset: number, recent: readonly number[], lost = 0): RoomNews {
  const replay = recent.flatMap((from) => messages(from, 1));
  const answer = { epoch: BigInt(epoch), offset: BigInt(offset), recent: replay, lost: BigInt(lost) };
  return place.joined(create(JoinRoomResponseSchema, answer));
}

function pushed(place: Place, epoch: number, first: number, count: number, lost = 0, sampled = 0): RoomNews {
  return place.pushed(
    create(RoomPushSchema, {
      epoch: BigInt(epoch),
      firstOffset: BigInt(first),
      messages: messages(first, count),
      lost: BigInt(lost),
      sampled: BigInt(sampled),
    }),
  );
}

const told = ({ messages: said, lost, sampled, moved }: RoomNews) => [
  said.map(({ offset }) => offset),
  lost,
  sampled,
  moved,
];

it("goes on from place to place", () => {
  const place = new Place();
  expect(told(joined(place, 1, 5, [3, 4]))).toEqual([[3, 4], 0, 0, false]);
  expect(told(pushed(place, 1, 5, 2, 0, 1))).toEqual([[5, 6], 0, 1, false]);
  expect(told(pushed(place, 1, 10, 0, 2))).toEqual([[], 2, 0, false]);
  expect(told(pushed(place, 1, 10, 1))).toEqual([[10], 0, 0, false]);
  expect(place.before).toEqual({ epoch: 1n, offset: 11n });
  expect(told(joined(place, 1, 14, [12, 13], 1))).toEqual([[12, 13], 1, 0, false]);
  // What the join brought comes again as a push that was on its way.
  expect(told(pushed(place, 1, 12, 3))).toEqual([[14], 0, 0, false]);
});

it("counts a gap that nobody declared, and notices another owner", () => {
  const place = new Place();
  joined(place, 1, 5, []);
  expect(told(pushed(place, 1, 8, 1))).toEqual([[8], 3, 0, false]);
  expect(told(pushed(place, 2, 1, 1))).toEqual([[1], 0, 0, true]);
  expect(told(joined(place, 3, 2, [1]))).toEqual([[1], 0, 0, true]);
});
