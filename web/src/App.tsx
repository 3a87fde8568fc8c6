/** The whole app: who is logged in decides between the welcome page and the conversations. */

export function App() {
  return null;
}
