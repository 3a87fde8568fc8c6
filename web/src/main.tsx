/** Starts the app. */

import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./App";
import { Session } from "./state/loginSession";
import { NoticesProvider } from "./state/notices";
import { SessionProvider } from "./state/session";
import { followTheme } from "./state/theme";
import { followLanguage } from "./text/language";
import "./styles/tokens.css";
import "./styles/base.css";

followTheme();
followLanguage();

const session = new Session(location.origin);
void session.restore();

const root = document.getElementById("app");
if (root === null) throw new Error("index.html has no #app");
createRoot(root).render(
  <StrictMode>
    <NoticesProvider>
      <SessionProvider session={session}>
        <App />
      </SessionProvider>
    </NoticesProvider>
  </StrictMode>,
);
