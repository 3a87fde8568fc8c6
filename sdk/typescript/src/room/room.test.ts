import { create, type DescMessage, type DescMethodUnary, type MessageShape } from "@bufbuild/protobuf";
import { expect, it } from "vitest";
import { SkeinError } from "../error.js";
import { Room } from "./room.js";
import type { RoomLink } from "./room_link.js";

/** A link to a server that knows who is in the room; it writes down what it is asked. */
function linked(): { room: Room; asked: string[]; linkedRooms: Set<Room>; forget: () => void } {
  const asked: string[] = [];
  let inside = false;
  const call = async <O extends DescMessage>(method: DescMethodUnary<DescMessage, O>): Promise<MessageShape<O>> => {
    asked.push(method.name);
    await Promise.resolve();
    if (method.name === "JoinRoom") inside = true;
    else if (!inside) throw new SkeinError("NOT_IN_ROOM", "not in this room");
    return create(method.output);
  };
  const linkedRooms = new Set<Room>();
  const add = (room: Room) => linkedRooms.add(room);
  const remove = (room: Room) => linkedRooms.delete(room);
  const link = { call, ready: async () => {}, add, remove } as unknown as RoomLink;
  const forget = (): void => {
    inside = false;
  };
  return { room: new Room("lobby", link), asked, linkedRooms, forget };
}

it("enters again before what was said too early on a new session", async () => {
  const { room, asked, forget } = linked();
  await room.join();
  forget();
  await Promise.all([room.send("one"), room.count("likes"), room.rejoin()]);
  expect(asked.filter((name) => name === "JoinRoom")).toHaveLength(2);
  expect(asked.slice(-2).sort()).toEqual(["CountInRoom", "SendToRoom"]);
});

it("asks again when it was left before the first answer", async () => {
  const { room, asked, linkedRooms } = linked();
  const first = room.join();
  const cancelled = expect(first).rejects.toMatchObject({ code: "CANCELLED" });
  await Promise.resolve();
  const left = room.leave();
  await Promise.all([cancelled, left, room.join()]);
  expect(asked).toEqual(["JoinRoom", "LeaveRoom", "JoinRoom"]);
  expect(room.state.current).toBe("joined");
  expect(linkedRooms).toContain(room);
});

it("stays out, and can be joined, when it was left while it entered again", async () => {
  const { room, forget } = linked();
  await room.join();
  forget();
  const again = room.rejoin();
  const left = room.leave();
  await Promise.all([again, left]);
  expect(room.state.current).toBe("out");
  await room.join();
  expect(room.state.current).toBe("joined");
});

it("can be joined while it enters again", async () => {
  const { room, linkedRooms, forget } = linked();
  await room.join();
  forget();
  room.away();
  await Promise.all([room.rejoin(), room.join()]);
  expect(room.state.current).toBe("joined");
  expect(linkedRooms).toContain(room);
});

it("does not enter a room for somebody who is not in it", async () => {
  const { room, asked } = linked();
  await expect(room.send("one")).rejects.toMatchObject({ code: "NOT_IN_ROOM" });
  expect(asked).toEqual(["SendToRoom"]);
});
