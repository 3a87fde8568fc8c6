/** Chinese: a message in one line, by its type. */

import type { previews as Shape } from "../en/previews";

export const previews: typeof Shape = {
  image: "[图片]",
  voice: (length) => `[语音] ${length}`,
  video: "[视频]",
  file: (name) => (name === "" ? "[文件]" : `[文件] ${name}`),
  location: (name) => (name === "" ? "[位置]" : `[位置] ${name}`),
  card: (title) => (title === "" ? "[名片]" : `[名片] ${title}`),
  merged: (title) => (title === "" ? "[聊天记录]" : `[聊天记录] ${title}`),
  sticker: (name) => (name === "" ? "[表情]" : `[表情] ${name}`),
  link: (title) => `[链接] ${title}`,
  custom: "[其他应用的消息]",
  unknown: "新类型的消息，请刷新页面后查看。",
  empty: "空消息",
  recalledByYou: "你撤回了一条消息",
  recalledBy: (name) => `${name} 撤回了一条消息`,
  deleted: "消息已删除",
  nothingYet: "暂无消息",
  sending: "发送中",
  failed: "未发送",
  sent: "已发送",
  delivered: "已送达",
  read: "已读",
};
