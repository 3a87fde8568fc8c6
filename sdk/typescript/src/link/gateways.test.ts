/** Which address is next. */

import { describe, expect, it } from "vitest";
import { Gateways } from "./gateways.js";

describe("gateways", () => {
  it("put what failed last for a while, and never forget it", () => {
    const gateways = new Gateways(["https://a", "https://b"]);
    expect(gateways.current).toBe("https://a");
    gateways.failed(0);
    expect([gateways.current, ...gateways.order(1)]).toEqual(["https://b", "https://b", "https://a"]);
    gateways.failed(5);
    expect(gateways.order(6)).toEqual(["https://a", "https://b"]);
    gateways.works();
    expect(gateways.order(10_100)).toEqual(["https://a", "https://b"]);
  });

  it("go where the server says when it sends us away", () => {
    const gateways = new Gateways(["https://a/"]);
    gateways.works();
    gateways.leave(["https://c", "https://b:8443/x"], 0);
    expect(gateways.order(1)).toEqual(["https://c", "https://b:8443", "https://a"]);
    expect(gateways.moved("https://a/v1/poll?ack=1")).toBe("https://c/v1/poll?ack=1");
    gateways.works();
    gateways.leave([], 2);
    expect(gateways.order(3)).toEqual(["https://b:8443", "https://a", "https://c"]);
  });

  it("are not talked out of encryption, or into nonsense", () => {
    const gateways = new Gateways(["https://a"]);
    gateways.leave(["http://b", "tcp://c:1", "nonsense", "https://d"], 0);
    expect(gateways.order(1)).toEqual(["https://d", "https://a"]);
  });

  it("leave other addresses alone", () => {
    expect(new Gateways(["https://a"]).moved("https://ab/x")).toBe("https://ab/x");
  });
});
