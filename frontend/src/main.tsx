/** Start of the desk: the session, the project, and the page that the address names. */

import { render } from "preact";

const root = document.getElementById("app");
if (root) render(<p>Firstpass</p>, root);
