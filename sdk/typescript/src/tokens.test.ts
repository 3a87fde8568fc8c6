/** The keeper of a login: one exchange at a time, whatever the clock says and wherever it is kept. */

import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Accounts } from "./accounts.js";
import { SkeinError } from "./error.js";
import type { Login, Tokens } from "./model/account.js";
import { TokenKeeper } from "./tokens.js";

const MINUTE_MS = 60_000;

function tokens(number: number, accessExpiresMs: number): Tokens {
  const refreshToken = `refresh ${number}`;
  return { accessToken: `access ${number}`, refreshToken, accessExpiresMs, refreshExpiresMs: 0, deviceId: "device" };
}

function login(accessExpiresMs: number): Login {
  return { user: { userId: "1" } as Login["user"], tokens: tokens(1, accessExpiresMs) };
}

/** What the server answers to exchanges; counts them. */
function exchanges(expiresMs: () => number) {
  let number = 1;
  return vi.spyOn(Accounts.prototype, "refresh").mockImplementation(async () => {
    number += 1;
    return tokens(number, expiresMs());
  });
}

let count = 0;
const open = () => TokenKeeper.open({ address: "http://127.0.0.1:1", name: `test ${++count}` });

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

it("gives the token while it serves, and exchanges it before it ends or when it is rejected", async () => {
  const spy = exchanges(() => Date.now() + 10 * MINUTE_MS);
  const keeper = open();
  keeper.save(login(Date.now() + 10 * MINUTE_MS));
  expect(await keeper.provider({ rejected: undefined })).toBe("access 1");
  vi.advanceTimersByTime(10 * MINUTE_MS - 20_000);
  expect(await keeper.provider({ rejected: undefined })).toBe("access 2");
  expect(await keeper.provider({ rejected: "access 1" })).toBe("access 2");
  expect(await keeper.provider({ rejected: "access 2" })).toBe("access 3");
  expect(spy).toHaveBeenCalledTimes(2);
});

it("exchanges once for all who ask at the same time", async () => {
  const spy = exchanges(() => Date.now() + 10 * MINUTE_MS);
  const keeper = open();
  keeper.save(login(0));
  const given = await Promise.all([1, 2, 3].map(() => keeper.provider({ rejected: undefined })));
  expect(given).toEqual(["access 2", "access 2", "access 2"]);
  expect(spy).toHaveBeenCalledOnce();
});

it("does not exchange all the time when the clock here is far ahead", async () => {
  const spy = exchanges(() => Date.now() - 120 * MINUTE_MS);
  const keeper = open();
  keeper.save(login(0));
  for (let asked = 0; asked < 10; asked += 1) expect(await keeper.provider({ rejected: undefined })).toBe("access 2");
  expect(spy).toHaveBeenCalledOnce();
});

it("tells a device that was logged out from a server that is away", async () => {
  const keeper = open();
  keeper.save(login(0));
  const spy = vi.spyOn(Accounts.prototype, "refresh").mockRejectedValueOnce(SkeinError.offline());
  await expect(keeper.provider({ rejected: undefined })).rejects.toMatchObject({ code: "OFFLINE" });
  spy.mockRejectedValueOnce(new SkeinError("REFRESH_REUSED", "reused"));
  await expect(keeper.provider({ rejected: undefined })).rejects.toMatchObject({ code: "TOKEN_REVOKED" });
  keeper.clear();
  await expect(keeper.provider({ rejected: undefined })).rejects.toMatchObject({ code: "TOKEN_REVOKED" });
  expect([keeper.userId, keeper.deviceId]).toEqual([undefined, "device"]);
});

it("works where localStorage throws or is full, and with rubbish in it", async () => {
  const refuse = () => {
    throw new DOMException("no", "QuotaExceededError");
  };
  vi.stubGlobal("localStorage", { getItem: () => "null", setItem: refuse, removeItem: () => {} });
  exchanges(() => Date.now() + 10 * MINUTE_MS);
  const keeper = open();
  expect(keeper.userId).toBeUndefined();
  keeper.save(login(0));
  expect(await keeper.provider({ rejected: undefined })).toBe("access 2");
  expect(await keeper.provider({ rejected: undefined })).toBe("access 2");
  expect(keeper.onChange(() => {})).toBeTypeOf("function");
});
