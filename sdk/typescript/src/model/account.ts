/** People, devices, tokens. */

export type Platform = "web" | "ios" | "android" | "desktop" | "terminal" | "bot" | "device";

export interface User {
  readonly userId: string;
  readonly username: string;
  readonly displayName: string;
  readonly avatar: string;
  readonly bio: string;
  readonly state: "active" | "suspended" | "deleted";
  readonly extra: string;
  readonly createdTimeMs: number;
}

export interface Device {
  readonly deviceId: string;
  readonly platform: Platform | "unknown";
  readonly name: string;
  readonly createdTimeMs: number;
  readonly lastSeenTimeMs: number;
  /** The device that asks. */
  readonly current: boolean;
  readonly online: boolean;
}

/** Names the device that logs in. Keep the `deviceId` of the answer to log in again as the same device. */
export interface DeviceInfo {
  readonly platform: Platform;
  readonly name: string;
  readonly deviceId?: string;
}

export interface Tokens {
  readonly accessToken: string;
  readonly refreshToken: string;
  readonly accessExpiresMs: number;
  readonly refreshExpiresMs: number;
  readonly deviceId: string;
}

/** The answer to register and log in. */
export interface Login {
  readonly user: User;
  readonly tokens: Tokens;
}
