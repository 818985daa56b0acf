/** What the pages share: asking the site, and putting text on a page as text. */
let mark = null;

/** Who is signed in; leads to the sign-in where nobody is. */
export async function whoAmI() {
  const me = await ask("GET", "/me");
  mark = me.pageMark;
  return me;
}

/** Throws an Error whose message is for people. */
export async function ask(method, path, body) {
  const answer = await fetch(`/api/v1${path}`, {
    method,
    headers: {
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...(mark === null ? {} : { "x-volley-page": mark }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  }).catch(() => {
    throw new Error("The site does not answer.");
  });
  if (answer.status === 204) return undefined;
  const value = await answer.json();
  if (answer.ok) return value;
  if (answer.status === 401 || value.code === "E_PASSWORD_CHANGE") {
    if (location.pathname !== "/login") location.replace("/login");
  }
  const error = new Error(`${value.detail} ${value.remedy}`);
  error.code = value.code;
  throw error;
}

export function rememberMark(me) {
  mark = me.pageMark;
}

export function element(kind, className, text) {
  const made = document.createElement(kind);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

/** Sets text only where it differs, so that a selection survives. */
export function setText(target, text) {
  if (target.textContent !== text) target.textContent = text;
}

export function showRows(body, rows) {
  body.replaceChildren(
    ...rows.map((cells) => {
      const row = element("tr");
      row.append(
        ...cells.map((cell) => {
          const made = element("td");
          if (cell instanceof Node) made.append(cell);
          else made.textContent = cell;
          return made;
        }),
      );
      return row;
    }),
  );
}

export function button(text, label, act) {
  const made = element("button", "", text);
  made.type = "button";
  made.setAttribute("aria-label", label);
  made.addEventListener("click", act);
  return made;
}

export function timeText(time) {
  return time === null ? "never" : time.slice(0, 19).replace("T", " ");
}

/** Runs `work`; what fails is said in the element with the identifier "said". */
export async function saying(work) {
  const said = document.getElementById("said");
  setText(said, "");
  try {
    const text = await work();
    if (typeof text === "string") setText(said, text);
  } catch (error) {
    setText(said, error.message);
  }
}

export async function signOut() {
  try {
    if (mark === null) await whoAmI();
    await ask("POST", "/logout");
  } catch {
    // Signed out already, or the site is away: the sign-in page says so.
  }
  location.replace("/login");
}
