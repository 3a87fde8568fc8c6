/** The session and its client, for components. */

import type { Client } from "@skein/client";
import { createContext, type ReactNode, useContext } from "react";
import type { Session } from "./loginSession";

const SessionContext = createContext<Session | undefined>(undefined);
const ClientContext = createContext<Client | undefined>(undefined);

export function SessionProvider({ session, children }: { session: Session; children: ReactNode }) {
  return <SessionContext value={session}>{children}</SessionContext>;
}

export function ClientProvider({ client, children }: { client: Client; children: ReactNode }) {
  return <ClientContext value={client}>{children}</ClientContext>;
}

export function useSession(): Session {
  const session = useContext(SessionContext);
  if (session === undefined) throw new Error("useSession outside of SessionProvider");
  return session;
}

/** The client of whoever is logged in; only below the pages that need a login. */
export function useClient(): Client {
  const client = useContext(ClientContext);
  if (client === undefined) throw new Error("useClient while nobody is logged in");
  return client;
}
