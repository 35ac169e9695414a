// Names as somebody chooses them who wants to be taken for somebody else, and what must not be left of them
// on a page.

/** What each of the names below has in it: nothing of this is seen, and some of it turns a line around. */
const TRICKS = "\u202egpj.exe\u202c\u200b\u3164\u{e0069}\u{e0067}\u{e006e}\u2066";

/** A name of up to 100 characters with everything in it that may deceive. */
export function hostile(word) {
  return `${word}${TRICKS}p\u0430ypal\u05e9\u05dc\u05d5\u05dd${"x".repeat(100)}`.slice(0, 98);
}

/**
 * What a page shows or speaks of others' words without marks: in its title, in labels and tooltips, in options
 * and in text. Empty, if it is as it should be.
 */
export function unmarked(page) {
  return page.evaluate(() => {
    const hidden = /(?![\n\t])[\p{Cc}\p{Cf}\p{Co}\p{Cn}\u3164\u115f\u1160\uffa0\u2800\u2028\u2029]/u;
    const turned = /[\p{Script=Hebrew}\p{Script=Arabic}]/u;
    const isolated = /\u2068[^\u2068\u2069]*\u2069/gu;
    const found = [];
    const plain = (where, text) => {
      if (!text) return;
      const outside = text.replaceAll(isolated, "");
      const inside = (text.match(isolated) ?? []).map((part) => part.slice(1, -1)).join("");
      if (hidden.test(outside) || hidden.test(inside)) found.push(`${where} hides something: ${JSON.stringify(text)}`);
      if (turned.test(outside)) found.push(`${where} may be turned around: ${JSON.stringify(text)}`);
    };
    plain("the title", document.title);
    for (const element of document.body.querySelectorAll("*")) {
      for (const name of ["title", "aria-label", "placeholder", "alt", "data-label"]) {
        // What a mark says of itself names the character.
        if (!element.closest(".hid")) plain(`${name} of ${element.tagName}`, element.getAttribute(name));
      }
    }
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = texts.nextNode(); node; node = texts.nextNode()) {
      const parent = node.parentElement;
      if (parent.closest(".hid, script, style")) continue;
      if (parent.closest("option")) {
        plain("an option", node.data);
        continue;
      }
      if (hidden.test(node.data)) found.push(`text hides something: ${JSON.stringify(node.data)}`);
      let around = parent;
      while (around && !/isolate|plaintext/.test(getComputedStyle(around).unicodeBidi)) around = around.parentElement;
      // The browser isolates every block; a name in a sentence needs an element of its own. A PRE has nothing else.
      const alone = /^(BDI|SPAN|DT|PRE)$/.test(around?.tagName) || parent.closest("[dir=auto]");
      if (turned.test(node.data) && !alone) {
        found.push(`text may be turned around: ${JSON.stringify(node.data)}`);
      }
    }
    return found;
  });
}
