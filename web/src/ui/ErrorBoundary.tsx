/** Keeps a part of the page that broke from taking the rest with it. */

import { Component, type ReactNode } from "react";
import type { Text } from "../text/language";
import { Button } from "./Button";
import { Empty } from "./Empty";

interface Props {
  text: Text;
  children: ReactNode;
}

export class ErrorBoundary extends Component<Props, { broken: boolean }> {
  override state = { broken: false };

  static getDerivedStateFromError(): { broken: boolean } {
    return { broken: true };
  }

  override render(): ReactNode {
    const { text, children } = this.props;
    if (!this.state.broken) return children;
    const reload = (
      <Button kind="primary" onClick={() => location.reload()}>
        {text.shell.reload}
      </Button>
    );
    return (
      <Empty icon="warning" title={text.shell.brokenTitle} action={reload}>
        {text.shell.brokenText}
      </Empty>
    );
  }
}
