/** All texts in Chinese (simplified), in the shape of the English ones. */

import type { en } from "./en";
import { chat } from "./zh/chat";
import { closings } from "./zh/closings";
import { errors } from "./zh/errors";
import { info } from "./zh/info";
import { list } from "./zh/list";
import { previews } from "./zh/previews";
import { settings } from "./zh/settings";
import { shell } from "./zh/shell";
import { systemLines } from "./zh/systemLines";
import { welcome } from "./zh/welcome";

export const zh: typeof en = { shell, welcome, list, previews, settings, errors, closings, systemLines, chat, info };
