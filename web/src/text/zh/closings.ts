/** Chinese: why this device is not connected any more. */

import type { closings as Shape } from "../en/closings";

export const closings: typeof Shape = {
  client: { title: "你已退出登录", text: "此浏览器中已不保留你的账号数据。" },
  clientOffline: {
    title: "你已在此处退出登录",
    text: "由于没有网络连接，服务器上仍保留此设备的登录。如有需要，可在其他设备上将它退出。",
  },
  otherTab: { title: "你已退出登录", text: "你在此浏览器的另一个标签页中退出了登录。" },
  BAD_TOKEN: { title: "请重新登录", text: "登录信息已失效，因此你已退出登录。" },
  TOKEN_REVOKED: {
    title: "此设备已被退出登录",
    text: "你的另一台设备结束了此次登录。如果不是你本人操作，请登录后修改密码。",
  },
  KICKED: { title: "你在别处登录了", text: "你的账号在另一台同类设备上登录，因此此处已退出登录。" },
  ACCOUNT_SUSPENDED: {
    title: "账号已被停用",
    text: "服务器管理员停用了你的账号，因此你已退出登录。请联系管理员了解原因。",
  },
  PROTOCOL_ERROR: { title: "服务器无法识别此应用", text: "你仍处于登录状态，请刷新页面以获取最新版本。" },
  FRAME_TOO_LARGE: { title: "发送的内容过大", text: "你仍处于登录状态，请重新连接，并分多次发送。" },
  BYE: { title: "服务器断开了连接", text: "你仍处于登录状态，请稍后重新连接。" },
};
