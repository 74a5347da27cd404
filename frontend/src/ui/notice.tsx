/** Empty, first-use and error states: what this is, why it is so, and the one next step. */

import type { ComponentChildren } from "preact";

export function Notice(props: {
  title: string;
  detail: string;
  error?: boolean;
  children?: ComponentChildren;
}) {
  return (
    <section class="notice" role={props.error ? "alert" : undefined}>
      <h1>{props.title}</h1>
      <p>{props.detail}</p>
      {props.children}
    </section>
  );
}
