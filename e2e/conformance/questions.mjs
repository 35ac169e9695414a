// The suite's tools that ask for input before they answer (multi round-trip requests).

import { capabilitiesOf } from "../lib/modern-upstream.mjs";

/** A form with one field. */
export const form = (message, field, type = "string") => ({
  method: "elicitation/create",
  params: {
    message,
    requestedSchema: { type: "object", properties: { [field]: { type } }, required: [field] },
  },
});
const sampling = (words, maxTokens) => ({
  method: "sampling/createMessage",
  params: { messages: [{ role: "user", content: { type: "text", text: words } }], maxTokens },
});
const roots = { method: "roots/list", params: {} };

const user_name = form("What is your name?", "name");
const confirm = form("Please confirm", "ok", "boolean");

/** By tool: what each round asks for, and the text at the end. Where there is a state, it is the round. */
const TOOLS = {
  test_input_required_result_elicitation: {
    rounds: [{ user_name }],
    text: ({ user_name }) => `Hello, ${user_name.content.name}!`,
  },
  test_input_required_result_sampling: {
    rounds: [{ capital_question: sampling("What is the capital of France?", 100) }],
    text: ({ capital_question }) => capital_question.content.text,
  },
  test_input_required_result_list_roots: {
    rounds: [{ client_roots: roots }],
    text: ({ client_roots }) => client_roots.roots.map(({ uri }) => uri).join(" "),
  },
  test_input_required_result_request_state: { rounds: [{ confirm }], state: true, text: () => "state-ok" },
  test_input_required_result_multiple_inputs: {
    rounds: [{ user_name, greeting: sampling("Generate a greeting", 50), client_roots: roots }],
    state: true,
    text: ({ user_name, greeting }) => `${greeting.content.text} ${user_name.content.name}`,
  },
  test_input_required_result_multi_round: {
    rounds: [
      { step1: form("Step 1: What is your name?", "name") },
      { step2: form("Step 2: What is your favorite color?", "color") },
    ],
    state: true,
    text: ({ step2 }) => step2.content.color,
  },
  // The gateway seals the state: what was tampered with never gets here.
  test_input_required_result_tampered_state: { rounds: [{ confirm }], state: true, text: () => "state-ok" },
  test_input_required_result_capabilities: {
    rounds: [{ user_name, greeting: sampling("Generate a greeting", 50) }],
    text: () => "done",
  },
  test_tool_with_task: { rounds: [{ user_name }], text: ({ user_name }) => `Hello, ${user_name.content.name}!` },
};

/** Their names. */
export const ASKING = Object.keys(TOOLS);

const CAPABILITIES = {
  "elicitation/create": "elicitation",
  "sampling/createMessage": "sampling",
  "roots/list": "roots",
};
const ANSWERED = {
  "elicitation/create": (given) => given?.action === "accept" && given.content !== undefined,
  "sampling/createMessage": (given) => given?.content !== undefined,
  "roots/list": (given) => Array.isArray(given?.roots),
};

/** Whether `given` answers what was asked. */
export const answers = (request, given) => ANSWERED[request.method](given);

/** What a call of one of them comes to: the next questions, or the words at the end when nothing is left to ask. */
export function asked(name, params) {
  const { rounds, state, text } = TOOLS[name];
  const { inputResponses, requestState } = params;
  const began = !state || requestState !== undefined;
  let round = Number(requestState ?? 0);
  const answered = Object.entries(rounds[round]).every(([key, request]) => answers(request, inputResponses?.[key]));
  if (began && answered) round++;
  if (round === rounds.length) return { words: text(inputResponses) };
  const able = capabilitiesOf(params);
  const askable = Object.entries(rounds[round]).filter(([, { method }]) => able[CAPABILITIES[method]]);
  const inputRequests = Object.fromEntries(askable);
  return { questions: { resultType: "input_required", inputRequests, ...(state && { requestState: String(round) }) } };
}
