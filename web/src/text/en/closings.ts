/** English: why this device is not connected any more. */

import type { CloseReason } from "@skein/client";

export const closings: Record<CloseReason | "otherTab" | "clientOffline", { title: string; text: string }> = {
  client: { title: "You are logged out", text: "Nothing of your account is left in this browser." },
  clientOffline: {
    title: "You are logged out here",
    text: "There was no connection, so the server still lists this device. Log it out from another one if that matters.",
  },
  otherTab: { title: "You are logged out", text: "You logged out in another tab of this browser." },
  BAD_TOKEN: { title: "Log in again", text: "You were logged out because your login is not valid any more." },
  TOKEN_REVOKED: {
    title: "This device was logged out",
    text: "You were logged out because another of your devices ended this login. If that was not you, log in and change your password.",
  },
  KICKED: {
    title: "You logged in elsewhere",
    text: "You were logged out because your account was used on another device of this kind.",
  },
  ACCOUNT_SUSPENDED: {
    title: "Your account is suspended",
    text: "You were logged out because the people who run this server suspended your account. Ask them why.",
  },
  PROTOCOL_ERROR: {
    title: "The server did not understand the app",
    text: "You are still logged in. Reload the page to get the newest version of the app.",
  },
  FRAME_TOO_LARGE: {
    title: "Something was too large for the server",
    text: "You are still logged in. Connect again, and send it in smaller pieces.",
  },
  BYE: { title: "The server said goodbye", text: "You are still logged in. Connect again in a moment." },
};
