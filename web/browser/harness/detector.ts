/** Runs in a page before everything else and tells of whatever user content must never achieve there. Self-contained: it is sent as source. */

export interface DetectorWindow extends Window {
  /** Given by the harness. */
  __tell?: (kind: string, text: string) => void;
}

export function detector(): void {
  const tell = (kind: string, text: string) => (window as DetectorWindow).__tell?.(kind, text.slice(0, 500));

  // What payloads do when they run.
  Object.defineProperty(window, "__xss", { get: () => undefined, set: (value) => tell("marker", String(value)) });
  for (const name of ["alert", "confirm", "prompt", "print"] as const) {
    Object.defineProperty(window, name, { value: (text: unknown) => tell("dialog", `${name}(${String(text)})`) });
  }
  document.addEventListener("securitypolicyviolation", (event) => {
    tell(
      "csp",
      `${event.violatedDirective} ${event.blockedURI} ${event.sample} ${event.sourceFile}:${event.lineNumber}`,
    );
  });

  // What must not come into the document even when the policy would stop it from running.
  const ELEMENTS = new Set(
    "IFRAME FRAME FRAMESET OBJECT EMBED APPLET BASE STYLE MARQUEE BGSOUND PORTAL TEMPLATE ISINDEX".split(" "),
  );
  const FOREIGN = new Set(["math", "foreignObject", "animate", "set", "animateTransform", "handler", "script"]);
  const ADDRESSES = new Set(
    "href src xlink:href action formaction srcdoc data poster background ping srcset cite lowsrc".split(" "),
  );
  const CLOBBERED = new Set(
    "__proto__ constructor prototype attributes nodeName parentNode innerHTML location cookie body defaultView getElementById".split(
      " ",
    ),
  );
  const LINKS = new Set(["http:", "https:", "mailto:"]);

  const protocolOf = (text: string) => {
    try {
      return new URL(text, document.baseURI).protocol;
    } catch {
      return "invalid:";
    }
  };
  const isOwn = (text: string) => {
    try {
      return new URL(text, document.baseURI).origin === location.origin;
    } catch {
      return false;
    }
  };

  const inspectAttribute = (element: Element, name: string, value: string) => {
    const where = `<${element.localName} ${name}=${JSON.stringify(value)}>`;
    if (/^on/i.test(name)) tell("handler", where);
    if ((name === "id" || name === "name") && CLOBBERED.has(value)) tell("clobbering", where);
    if (name === "style" && /url\(/i.test(value) && !/url\(["']?(data:image\/|blob:)/i.test(value))
      tell("style", where);
    if (name === "style" && /expression\(|-moz-binding|@import|behavior:/i.test(value)) tell("style", where);
    if (!ADDRESSES.has(name)) return;
    const protocol = protocolOf(value);
    if (name === "srcdoc" || name === "action" || name === "formaction" || name === "ping") tell("address", where);
    else if (element.localName === "a" || element.localName === "area") {
      if (!LINKS.has(protocol)) tell("link", where);
    } else if (protocol !== "data:" && protocol !== "blob:" && !isOwn(value)) tell("address", where);
    else if (protocol === "data:" && !/^data:(image\/|,)/i.test(value)) tell("address", where);
  };

  const inspect = (element: Element) => {
    if (
      ELEMENTS.has(element.tagName) ||
      (element.namespaceURI !== "http://www.w3.org/1999/xhtml" && FOREIGN.has(element.localName))
    ) {
      tell("element", element.outerHTML);
    }
    if (element.localName === "script" && !(element.hasAttribute("src") && isOwn(element.getAttribute("src") ?? ""))) {
      tell("element", element.outerHTML);
    }
    if (element.localName === "meta" && /refresh|set-cookie/i.test(element.getAttribute("http-equiv") ?? "")) {
      tell("element", element.outerHTML);
    }
    for (const attribute of element.attributes) inspectAttribute(element, attribute.name, attribute.value);
    const outside = element.localName === "a" && element.getAttribute("target") === "_blank";
    if (outside && !(element.getAttribute("rel") ?? "").includes("noopener"))
      tell("link", `no rel: ${element.outerHTML}`);
  };

  new MutationObserver((records) => {
    for (const record of records) {
      if (record.type === "attributes" && record.target instanceof Element && record.attributeName !== null) {
        const value = record.target.getAttribute(record.attributeName);
        if (value !== null) inspectAttribute(record.target, record.attributeName, value);
      }
      for (const node of record.addedNodes) {
        if (!(node instanceof Element)) continue;
        inspect(node);
        for (const inner of node.querySelectorAll("*")) inspect(inner);
      }
    }
  }).observe(document, { subtree: true, childList: true, attributes: true });
}
