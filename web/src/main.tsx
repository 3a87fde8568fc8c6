/** Starts the app. */

import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./App";
import { NoticesProvider } from "./state/notices";
import { followTheme } from "./state/theme";
import { followLanguage } from "./text/language";
import "./styles/tokens.css";
import "./styles/base.css";

followTheme();
followLanguage();

const root = document.getElementById("app");
if (root === null) throw new Error("index.html has no #app");
createRoot(root).render(
  <StrictMode>
    <NoticesProvider>
      <App />
    </NoticesProvider>
  </StrictMode>,
);
