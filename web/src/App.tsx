/** The whole app: who is logged in decides between the welcome page and the conversations. */

import { Home } from "./home/Home";
import { ClientProvider, useSession } from "./state/session";
import { useObservable } from "./state/useObservable";
import { useText } from "./text/useText";
import { ErrorBoundary } from "./ui/ErrorBoundary";
import { Failed } from "./welcome/Failed";
import { Opening } from "./welcome/Opening";
import { Stopped } from "./welcome/Stopped";
import { Welcome } from "./welcome/Welcome";

export function App() {
  const text = useText();
  const state = useObservable(useSession().state);
  switch (state.at) {
    case "opening":
      return <Opening />;
    case "out":
      return <Welcome reason={state.reason} />;
    case "stopped":
      return <Stopped reason={state.reason} />;
    case "failed":
      return <Failed />;
    case "in":
      return (
        <ErrorBoundary text={text}>
          <ClientProvider key={state.client.userId} client={state.client}>
            <Home />
          </ClientProvider>
        </ErrorBoundary>
      );
  }
}
