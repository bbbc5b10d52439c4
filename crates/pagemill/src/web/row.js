// One line of the shelf: a file on its way in, or a document.

import { el, icon } from "/assets/dom.js";
import { count, isFinal, nameOf, size, standing } from "/assets/words.js";

const TONE_SIGNS = { wait: "…", work: "", good: "✓", part: "◐", bad: "!" };

/** A line that shows a document and can be told about its changes. */
export class Row {
  constructor({ onDelete }) {
    this.onDelete = onDelete;
    this.sign = el("span", { class: "sign", "aria-hidden": "true" });
    this.name = el("a", { class: "row-name" });
    this.detail = el("p", { class: "row-detail" });
    this.state = el("p", { class: "row-state" });
    this.help = el("p", { class: "row-help", hidden: true });
    this.bar = el("progress", { class: "row-bar", max: "1", hidden: true });
    this.acts = el("div", { class: "row-acts" });
    this.element = el(
      "li",
      { class: "row" },
      this.sign,
      el("div", { class: "row-text" }, this.name, this.detail, this.state, this.bar, this.help),
      this.acts,
    );
  }

  /** A file that is being sent: `share` of it is there. */
  showUpload(file, share, onCancel) {
    this.show({
      tone: share === null ? "wait" : "work",
      name: file.name,
      detail: size(file.size),
      state: share === null ? "Waiting to be sent" : `Uploading · ${Math.floor(share * 100)} %`,
      share: share ?? 0,
    });
    this.setActs([["Cancel the upload", "cross", onCancel]]);
  }

  /** A file that was not taken, and what can be done about it. */
  showRefusal(file, problem, onAgain, onDismiss) {
    this.show({ tone: "bad", name: file.name, detail: size(file.size), state: "Not added", help: problem.message });
    const acts = [["Remove this line", "cross", onDismiss]];
    if (problem.retryable) acts.unshift(["Try again", "again", onAgain]);
    this.setActs(acts);
  }

  /** A document of the library. Gives the status it changed to, if it did. */
  showDocument(view) {
    const { tone, text } = standing(view);
    const isDone = isFinal(view.task?.status ?? view.status);
    const isTitled = Boolean(view.title);
    const detail = [isTitled ? view.file : size(view.bytes)];
    if (view.task?.reused > 0 && isDone) detail.push(`${count(view.task.reused, "unit")} of earlier work reused`);
    const isReadable = view.pages > 0 && tone !== "bad";
    this.show({
      tone,
      name: nameOf(view),
      detail: detail.join(" · "),
      state: text,
      share: isDone ? null : (view.task?.progress ?? 0),
      help: tone === "part" || tone === "bad" ? view.task?.error?.message : null,
      href: isReadable ? `#/${view.id}/page/1` : null,
    });
    if (this.id !== view.id) this.setActs([["Delete this document", "bin", () => this.onDelete(this.view)]]);
    const changed = this.view && this.view.status !== view.status ? view.status : null;
    this.id = view.id;
    this.view = view;
    return changed;
  }

  show({ tone, name, detail, state, share = null, help = null, href = null }) {
    this.element.dataset.tone = tone;
    this.sign.textContent = TONE_SIGNS[tone];
    setText(this.name, name);
    if (href) this.name.setAttribute("href", href);
    else this.name.removeAttribute("href");
    setText(this.detail, detail);
    setText(this.state, state);
    this.bar.hidden = share === null;
    this.bar.setAttribute("aria-label", `${name}: ${state}`);
    if (share !== null) this.bar.value = share;
    this.help.hidden = !help;
    setText(this.help, help ?? "");
  }

  setActs(acts) {
    const buttons = acts.map(([label, shape, onclick]) =>
      el("button", { type: "button", class: "icon", "aria-label": label, title: label, onclick }, icon(shape)),
    );
    this.acts.replaceChildren(...buttons);
  }

  /** Draws the eye to the line for a moment. */
  flash(note) {
    this.element.classList.remove("flash");
    // Reading a size makes the browser start the animation anew.
    void this.element.offsetWidth;
    this.element.classList.add("flash");
    this.element.scrollIntoView({ block: "nearest" });
    setText(this.state, note);
  }
}

/** Leaves what is right alone, so that selections and screen readers are not disturbed. */
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
