/** A dialog to choose people: by exact user name, or from the one-to-one conversations. */

import type { User } from "@skein/client";
import { useText } from "../text/useText";
import { Button } from "../ui/Button";
import { Dialog } from "../ui/Dialog";
import { ChoosePeople } from "./ChoosePeople";
import { usePeople } from "./usePeople";

export interface PickPeopleProps {
  title: string;
  exclude?: string[];
  onPick: (users: User[]) => void;
  onClose: () => void;
}

export function PickPeople({ title, exclude = [], onPick, onClose }: PickPeopleProps) {
  const text = useText();
  const people = usePeople(exclude);
  const actions = (
    <>
      <Button onClick={onClose}>{text.shell.cancel}</Button>
      <Button kind="primary" disabled={people.chosen.length === 0} onClick={() => onPick([...people.chosen])}>
        {people.chosen.length < 2 ? text.list.pick : text.list.pickCount(people.chosen.length)}
      </Button>
    </>
  );
  return (
    <Dialog title={title} onClose={onClose} actions={actions}>
      <ChoosePeople people={people} exclude={exclude} />
    </Dialog>
  );
}
