/** All texts in English; one file per part of the app. The shape of these is the shape of every language. */

import { chat } from "./en/chat";
import { closings } from "./en/closings";
import { errors } from "./en/errors";
import { info } from "./en/info";
import { list } from "./en/list";
import { previews } from "./en/previews";
import { settings } from "./en/settings";
import { shell } from "./en/shell";
import { systemLines } from "./en/systemLines";
import { welcome } from "./en/welcome";

export const en = { shell, welcome, list, previews, settings, errors, closings, systemLines, chat, info };
