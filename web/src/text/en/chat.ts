/** English: the open conversation. */

export const chat = {};
