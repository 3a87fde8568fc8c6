/** English: the lines that the server writes into groups. `actor` and `people` are worded names; `me` marks whether they are the reader. */

export interface SystemLineWords {
  actor: string;
  people: string;
  text: string;
}

export const systemLines = {
  you: "you",
  youFirst: "You",
  join: (names: readonly string[]) => {
    const last = names.at(-1) ?? "";
    return names.length < 2 ? last : `${names.slice(0, -1).join(", ")} and ${last}`;
  },
  more: (count: number) => (count === 1 ? "1 other" : `${count} others`),
  groupCreated: ({ actor, people, text }: SystemLineWords) =>
    `${actor} created the group${text === "" ? "" : ` “${text}”`}${people === "" ? "" : ` with ${people}`}`,
  membersAdded: ({ actor, people }: SystemLineWords) => `${actor} added ${people}`,
  membersRemoved: ({ actor, people }: SystemLineWords) => `${actor} removed ${people}`,
  memberLeft: ({ actor }: SystemLineWords) => `${actor} left the group`,
  renamed: ({ actor, text }: SystemLineWords) => `${actor} renamed the group to “${text}”`,
  becameOwner: ({ actor, people }: SystemLineWords) => `${actor} made ${people} the owner`,
  becameAdmin: ({ actor, people }: SystemLineWords) => `${actor} made ${people} an admin`,
  becameMember: ({ actor, people }: SystemLineWords) => `${actor} made ${people} a regular member`,
  unknown: "Something changed in this group",
};
