/** Chinese: the lines that the server writes into groups. */

import type { systemLines as Shape } from "../en/systemLines";

export const systemLines: typeof Shape = {
  you: "你",
  youFirst: "你",
  join: (names) => names.join("、"),
  more: (count) => `其他 ${count} 人`,
  groupCreated: ({ actor, people, text }) =>
    `${actor} 创建了群聊${text === "" ? "" : `“${text}”`}${people === "" ? "" : `，成员有 ${people}`}`,
  membersAdded: ({ actor, people }) => `${actor} 邀请 ${people} 加入群聊`,
  membersRemoved: ({ actor, people }) => `${actor} 将 ${people} 移出群聊`,
  memberLeft: ({ actor }) => `${actor} 退出了群聊`,
  renamed: ({ actor, text }) => `${actor} 将群名改为“${text}”`,
  becameOwner: ({ actor, people }) => `${actor} 将群主转让给 ${people}`,
  becameAdmin: ({ actor, people }) => `${actor} 将 ${people} 设为管理员`,
  becameMember: ({ actor, people }) => `${actor} 取消了 ${people} 的管理员身份`,
  unknown: "群聊信息有变动",
};
