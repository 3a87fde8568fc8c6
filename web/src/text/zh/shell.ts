/** Chinese: what belongs to the whole app. */

import type { shell as Shape } from "../en/shell";

export const shell: typeof Shape = {
  close: "关闭",
  cancel: "取消",
  back: "返回",
  save: "保存",
  tryAgain: "重试",
  loading: "正在加载…",
  showTyped: "显示输入内容",
  hideTyped: "隐藏输入内容",
  notices: "提示",
  connection: "连接状态",
  online: "在线",
  connecting: "正在连接…",
  offline: "网络已断开，恢复后会自动发送消息。",
  waiting: (seconds) => `连接失败，${seconds} 秒后重试`,
  syncing: "正在同步…",
  syncingSome: (done, total) => `正在同步 ${done}/${total}`,
  you: "你",
  somebody: "某人",
  notesToSelf: "我的笔记",
  untitledGroup: "未命名群聊",
  nothingOpenTitle: "选择一个会话",
  nothingOpenText: "从列表中选择一个会话，或发起新的聊天。",
  brokenTitle: "页面的这一部分出错了",
  brokenText: "你的消息没有丢失。请刷新页面；如果问题仍然存在，请联系服务器管理员。",
  reload: "刷新页面",
  unreadInTitle: (count) => `(${count > 999 ? "999+" : count})`,
  newMessageFrom: (title) => `${title} 发来新消息`,
  people: (count) => `${count} 人`,
};
