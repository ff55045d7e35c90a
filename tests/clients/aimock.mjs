// aimock.mjs - the mock upstream @copilotkit/aimock, which knows nothing of these tests, taught what to answer.
// Prints its address and serves until its standard input ends.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(process.env.CLIENTS_JS + "/package.json");
const { LLMock } = await import(pathToFileURL(require.resolve("@copilotkit/aimock")));

const textOf = (content) =>
    typeof content === "string" ? content : (content ?? []).map((part) => part.text ?? "").join("\n");

// In the words of both APIs; by itself it counts nothing for Anthropic's.
const usage = { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18, input_tokens: 11, output_tokens: 7 };

function answer(request) {
    const last = request.messages.at(-1);
    const text = textOf(request.messages.findLast((m) => m.role === "user")?.content);
    const names = (request.tools ?? []).map((t) => t.function.name);
    const call = (name, value) => ({ name, arguments: JSON.stringify(value) });
    if (last.role === "tool") return { content: "The result is: " + textOf(last.content) };
    const bash = /RUN-BASH ([^\n]*?) END/.exec(text);
    if (bash) return { toolCalls: [call("Bash", { command: bash[1], description: "What was asked for" })] };
    if (names.length && text.includes("two tools"))
        return { toolCalls: [call(names[0], { city: "Paris" }), call(names.at(-1), { city: "Oslo" })] };
    if (names.length && text.includes("no arguments")) return { toolCalls: [call(names[0], {})] };
    if (names.length && text.includes("tool")) return { toolCalls: [call(names[0], { city: "Paris" })] };
    return { content: "You said: " + text };
}

const mock = new LLMock({ port: 0, host: "127.0.0.1", logLevel: "silent" });
mock.on({ predicate: () => true }, (request) => ({ ...answer(request), usage }));
await mock.start();
console.log(mock.url);
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
