/** The page of those who are not logged in: log in or register, and why they were logged out. */

import { useState } from "react";
import type { OutReason } from "../state/loginSession";
import { useText } from "../text/useText";
import { Button } from "../ui/Button";
import { Logo } from "../ui/Logo";
import { LanguageSwitch } from "./LanguageSwitch";
import { LogInForm } from "./LogInForm";
import { OutBecause } from "./OutBecause";
import { RegisterForm } from "./RegisterForm";
import styles from "./Welcome.module.css";

export function Welcome({ reason }: { reason: OutReason | undefined }) {
  const text = useText();
  const [isNew, setIsNew] = useState(false);
  return (
    <main className={styles.page}>
      <div className={styles.card}>
        <header className={styles.header}>
          <Logo size={56} />
          <h1 className={styles.title}>{isNew ? text.welcome.registerTitle : text.welcome.logInTitle}</h1>
          <p className={styles.tagline}>{text.welcome.tagline}</p>
        </header>
        {reason !== undefined && <OutBecause reason={reason} />}
        {isNew ? <RegisterForm /> : <LogInForm />}
        <Button onClick={() => setIsNew(!isNew)}>{isNew ? text.welcome.haveAccount : text.welcome.newHere}</Button>
      </div>
      <LanguageSwitch />
    </main>
  );
}
