// cross.mjs CLIENT - one client library for JavaScript (openai, anthropic, ai-openai or ai-anthropic: the AI SDK)
// against every kind of service. The twin of cross.py, which says more.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const CLIENT = process.argv[2];
const { KEY, PLAN, CLIENTS_JS } = process.env;
const require = createRequire(CLIENTS_JS + "/package.json");
const load = (name) => import(pathToFileURL(require.resolve(name)));

const CITY = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
const FINISH = {
    stop: "stop",
    end_turn: "stop",
    stop_sequence: "stop",
    pause_turn: "stop",
    length: "length",
    max_tokens: "length",
    tool_calls: "tools",
    "tool-calls": "tools",
    tool_use: "tools",
    content_filter: "filter",
    "content-filter": "filter",
    refusal: "filter",
};

// fetch that counts.
function counted() {
    const sent = { count: 0 };
    return [
        sent,
        (...args) => {
            sent.count++;
            return fetch(...args);
        },
    ];
}

async function openai(url) {
    const { OpenAI, RateLimitError } = await load("openai");
    const [sent, fetch] = counted();
    const client = new OpenAI({ baseURL: url + "/v1", apiKey: KEY, timeout: 60000, fetch });
    return {
        sent,
        refusal: (e) => e instanceof RateLimitError && [e.status, e.headers.get("x-should-retry")],
        user: (text) => [{ role: "user", content: text }],
        async ask(model, messages, tools = [], stream = false) {
            const body = { model, messages };
            if (tools.length)
                body.tools = tools.map((name) => ({
                    type: "function",
                    function: { name, description: name, parameters: CITY },
                }));
            const answer = stream
                ? await client.chat.completions
                      .stream({ ...body, stream_options: { include_usage: true } })
                      .finalChatCompletion()
                : await client.chat.completions.create(body);
            const { message, finish_reason } = answer.choices[0];
            const usage = answer.usage;
            if (usage) assert.equal(usage.total_tokens, usage.prompt_tokens + usage.completion_tokens);
            return {
                text: message.content ?? "",
                reasoning: stream ? null : (message.reasoning_content ?? ""), // the helper keeps its last piece only
                tools: (message.tool_calls ?? []).map((c) => [c.id, c.function.name, JSON.parse(c.function.arguments)]),
                finish: FINISH[finish_reason],
                tokens: usage && [usage.prompt_tokens, usage.completion_tokens],
                history: [...messages, message],
            };
        },
        results: (history, results) => [
            ...history,
            ...results.map(([id, , text]) => ({ role: "tool", tool_call_id: id, content: text })),
        ],
        async own() {
            const ids = [];
            for await (const model of client.models.list()) ids.push(model.id);
            assert.ok(ids.includes("m"), ids.join());
        },
    };
}

async function anthropic(url) {
    const { Anthropic, RateLimitError } = await load("@anthropic-ai/sdk");
    const [sent, fetch] = counted();
    const client = new Anthropic({ baseURL: url, authToken: KEY, apiKey: null, timeout: 60000, fetch });
    return {
        sent,
        refusal: (e) =>
            e instanceof RateLimitError && [
                e.status,
                e.headers.get("x-should-retry"),
            ],
        user: (text) => [{ role: "user", content: text }],
        async ask(model, messages, tools = [], stream = false) {
            const body = { model, messages, max_tokens: 2000 };
            if (tools.length)
                body.tools = tools.map((name) => ({ name, description: name, input_schema: CITY }));
            const answer = stream
                ? await client.messages.stream(body).finalMessage()
                : await client.messages.create(body);
            const of = (kind) => answer.content.filter((b) => b.type === kind);
            return {
                text: of("text").map((b) => b.text).join(""),
                reasoning: of("thinking").map((b) => b.thinking).join(""),
                tools: of("tool_use").map((b) => [b.id, b.name, b.input]),
                finish: FINISH[answer.stop_reason],
                tokens: [answer.usage.input_tokens, answer.usage.output_tokens],
                history: [...messages, { role: "assistant", content: answer.content }],
            };
        },
        results: (history, results) => [
            ...history,
            {
                role: "user",
                content: results.map(([id, , text]) => ({ type: "tool_result", tool_use_id: id, content: text })),
            },
        ],
        async own() {
            const count = await client.messages.countTokens({
                model: "m",
                messages: [{ role: "user", content: "How many are these?" }],
            });
            assert.ok(count.input_tokens > 0, JSON.stringify(count));
            const ids = [];
            for await (const model of client.models.list({ limit: 100 })) ids.push(model.id);
            assert.ok(ids.includes("m"), ids.join());
        },
    };
}

// The AI SDK: `made` makes a model of a name.
async function ai(url, which) {
    const { generateText, streamText, tool, jsonSchema, APICallError, RetryError } = await load("ai");
    const [sent, fetch] = counted();
    let made;
    if (which === "openai") {
        const { createOpenAI } = await load("@ai-sdk/openai");
        made = createOpenAI({ baseURL: url + "/v1", apiKey: KEY, fetch }).chat;
    } else {
        const { createAnthropic } = await load("@ai-sdk/anthropic");
        made = createAnthropic({ baseURL: url + "/v1", apiKey: KEY, fetch });
    }
    globalThis.AI_SDK_LOG_WARNINGS = false;
    return {
        sent,
        refusal: null, // it looks at the status alone and asks again
        user: (text) => [{ role: "user", content: text }],
        async ask(model, messages, tools = [], stream = false) {
            const failed = [];
            const options = {
                model: made(model),
                messages,
                maxRetries: 0,
                onError: ({ error }) => failed.push(error),
            };
            if (tools.length)
                options.tools = Object.fromEntries(
                    tools.map((name) => [name, tool({ description: name, inputSchema: jsonSchema(CITY) })]),
                );
            const answer = stream ? streamText(options) : await generateText(options);
            if (stream) await answer.consumeStream();
            if (failed.length) throw failed[0];
            const usage = await answer.usage;
            const response = await answer.response;
            return {
                text: await answer.text,
                reasoning: which === "anthropic" ? ((await answer.reasoningText) ?? "") : null,
                tools: (await answer.toolCalls)
                    .filter((c) => !c.providerExecuted)
                    .map((c) => [c.toolCallId, c.toolName, c.input]),
                finish: FINISH[await answer.finishReason],
                tokens: [usage.inputTokens, usage.outputTokens],
                history: [...messages, ...response.messages],
            };
        },
        results: (history, results) => [
            ...history,
            {
                role: "tool",
                content: results.map(([toolCallId, toolName, value]) => ({
                    type: "tool-result",
                    toolCallId,
                    toolName,
                    output: { type: "text", value },
                })),
            },
        ],
        async own() {},
    };
}

const MAKE = {
    openai,
    anthropic,
    "ai-openai": (url) => ai(url, "openai"),
    "ai-anthropic": (url) => ai(url, "anthropic"),
};
const named = (answer) => answer.tools.map(([, name, input]) => [name, input]);

function testsOf(kind, plan, c) {
    const roundTrip = async (stream) => {
        let a = await c.ask("m", c.user("tool"), ["get_weather"], stream);
        if (kind === "demo") {
            assert.deepEqual([a.tools.length, a.tools[0]?.[1]], [1, "get_weather"]);
            assert.ok("city" in a.tools[0][2]);
        } else assert.deepEqual(named(a), [["get_weather", { city: "Paris" }]]);
        assert.equal(a.finish, "tools");
        const [id, name] = a.tools[0];
        a = await c.ask("m", c.results(a.history, [[id, name, "rain-4711"]]), ["get_weather"], stream);
        assert.match(a.text, /rain-4711/);
        assert.equal(a.finish, "stop");
    };
    const tests = {
        async whole() {
            const a = await c.ask("m", c.user("hello there"));
            assert.match(a.text, /hello there/);
            assert.equal(a.finish, "stop");
            assert.ok(a.tokens[0] > 0 && a.tokens[1] > 0, a.tokens.join());
        },
        async streamed() {
            const whole = await c.ask("m", c.user("one two three"));
            const a = await c.ask("m", c.user("one two three"), [], true);
            assert.equal(a.text, whole.text);
            assert.equal(a.finish, "stop");
            assert.ok(a.tokens[0] > 0, a.tokens.join());
            assert.equal(a.tokens[1], whole.tokens[1]);
        },
        tool_whole: () => roundTrip(false),
        tool_streamed: () => roundTrip(true),
        async many_at_once() {
            const answers = await Promise.all(
                Array.from({ length: 12 }, (_, i) => c.ask("m", c.user(`number ${i} ends`), [], i % 2 === 0)),
            );
            answers.forEach((a, i) => assert.ok(a.text.includes(`number ${i} ends`), a.text));
        },
        of_its_own: c.own,
    };
    if (kind !== "demo") {
        tests.tools_in_parallel = async () => {
            for (const stream of [false, true]) {
                let a = await c.ask("m", c.user("two tools"), ["get_weather", "get_time"], stream);
                assert.deepEqual(named(a), [
                    ["get_weather", { city: "Paris" }],
                    ["get_time", { city: "Oslo" }],
                ]);
                const results = a.tools.map(([id, name], i) => [id, name, `part-${i}`]);
                a = await c.ask("m", c.results(a.history, results), ["get_weather", "get_time"], stream);
                assert.match(a.text, /part-/);
            }
        };
        tests.tool_without_arguments = async () => {
            for (const stream of [false, true]) {
                const a = await c.ask("m", c.user("no arguments"), ["get_weather"], stream);
                assert.deepEqual(named(a), [["get_weather", {}]]);
            }
        };
    }
    if (plan.quota && c.refusal)
        tests.refused_once = async () => {
            c.sent.count = 0;
            const e = await c.ask(`quota-${CLIENT}-js`, c.user("x")).then(
                () => assert.fail("nothing was thrown"),
                (e) => e,
            );
            assert.deepEqual(c.refusal(e), [429, "false"], String(e));
            assert.equal(c.sent.count, 1, `${c.sent.count} requests`);
        };
    if (plan.cases.length)
        tests.recordings = async () => {
            const wrong = [];
            for (const one of plan.cases) {
                if (one.bare && !CLIENT.endsWith("anthropic")) continue;
                try {
                    const a = await c.ask(one.model, c.user("x"), one.tools, one.stream);
                    const got = { ...a, tools: named(a) };
                    for (const [name, want] of Object.entries(one.expect))
                        if (got[name] !== null) {
                            const both = JSON.stringify([got[name], want]).slice(0, 400);
                            assert.deepEqual(got[name], want, `${name}: ${both}`);
                        }
                } catch (e) {
                    wrong.push(`${one.name}: ${e.name}: ${String(e.message).slice(0, 400)}`);
                }
            }
            assert.equal(wrong.length, 0, `${wrong.length} of ${plan.cases.length} | ${wrong.join(" | ")}`);
        };
    if (plan.quota === "alone") return "refused_once" in tests ? { refused_once: tests.refused_once } : {};
    return tests;
}

let failures = 0;
for (const [kind, plan] of Object.entries(JSON.parse(readFileSync(PLAN, "utf8")))) {
    const client = await MAKE[CLIENT](plan.url);
    for (const [name, test] of Object.entries(testsOf(kind, plan, client))) {
        try {
            await test();
            console.log(`ok ${kind} ${name}`);
        } catch (e) {
            failures++;
            console.log(`FAILED ${kind} ${name}: ${String(e.stack ?? e).replaceAll("\n", " | ").slice(0, 2500)}`);
        }
    }
}
process.exit(failures ? 1 : 0);
