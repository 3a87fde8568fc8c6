/** Chinese: logging in and registering. */

import type { welcome as Shape } from "../en/welcome";

export const welcome: typeof Shape = {
  tagline: "与你在意的人，随时畅聊。",
  logInTitle: "欢迎使用 Skein",
  registerTitle: "创建账号",
  username: "用户名",
  password: "密码",
  displayName: "昵称",
  usernameHint: "2 到 32 个字母、数字、点、短横线或下划线，以字母开头。别人通过它找到你。",
  displayNameHint: "其他人看到的名字，以后可以修改。",
  passwordMin: (count) => `至少 ${count} 个字符`,
  passwordMax: "不超过 256 字节",
  ruleMet: "已满足",
  ruleOpen: "未满足",
  logIn: "登录",
  createAccount: "创建账号",
  haveAccount: "我已有账号",
  newHere: "我是新用户",
  usernameMissing: "请输入用户名。",
  usernameWrong: "用户名由 2 到 32 个字母（a–z）、数字、点、短横线或下划线组成，并以字母开头。",
  usernameTaken: "该用户名已被使用，请换一个。",
  passwordMissing: "请输入密码。",
  passwordShort: (count) => `密码至少需要 ${count} 个字符。`,
  passwordLong: "密码过长。",
  displayNameLong: "昵称过长。",
  restoring: "正在打开你的会话…",
  connectAgain: "重新连接",
  deviceName: (browser, system) => `${system} 上的 ${browser}`,
  unknownBrowser: "浏览器",
  unknownSystem: "此电脑",
};
