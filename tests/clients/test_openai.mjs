// test_openai.mjs - the OpenAI SDK for JavaScript, pointed at the gateway. Run by drive.py.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const { GATEWAY, DIRECT, KEY, CASES, CLIENTS_JS } = process.env;
const OpenAI = createRequire(CLIENTS_JS + "/package.json")("openai");

const TOOLS = [
    {
        type: "function",
        function: {
            name: "get_weather",
            description: "The weather",
            parameters: {
                type: "object",
                properties: { city: { type: "string" } },
                required: ["city"],
                additionalProperties: false,
            },
        },
    },
];

// A client, and how many requests it has sent.
function client({ url = GATEWAY, key = KEY, ...more } = {}) {
    const sent = { count: 0 };
    const made = new OpenAI.OpenAI({
        baseURL: url,
        apiKey: key,
        timeout: 30000,
        ...more,
        fetch: (...args) => {
            sent.count++;
            return fetch(...args);
        },
    });
    return [made, sent];
}

const user = (text) => [{ role: "user", content: text }];
const textOf = (chunks) => chunks.map((c) => c.choices[0]?.delta.content ?? "").join("");

async function all(stream) {
    const out = [];
    for await (const chunk of stream) out.push(chunk);
    return out;
}

async function raises(kind, status, code, work) {
    try {
        await work();
    } catch (e) {
        assert.ok(e instanceof kind, `${e.constructor.name}: ${e.message}`);
        assert.deepEqual([e.status, e.code], [status, code]);
        assert.ok(e.requestID, "no request id");
        return e;
    }
    assert.fail(`no ${kind.name} was thrown`);
}

const tests = {
    async chat_whole() {
        const [c, sent] = client();
        const answer = await c.chat.completions.create({ model: "demo", messages: user("hello there") });
        assert.match(answer.choices[0].message.content, /hello there/);
        assert.equal(answer.usage.total_tokens, answer.usage.prompt_tokens + answer.usage.completion_tokens);
        assert.match(answer._request_id, /^[0-9a-f]{8}-[0-9a-f]{4}-7/);
        assert.equal(sent.count, 1);
    },
    async chat_streamed() {
        const [c] = client();
        const whole = await c.chat.completions.create({ model: "demo", messages: user("one two three") });
        let chunks = await all(
            await c.chat.completions.create({ model: "demo", messages: user("one two three"), stream: true }),
        );
        assert.equal(textOf(chunks), whole.choices[0].message.content);
        assert.ok(chunks.every((x) => !x.usage));
        chunks = await all(
            await c.chat.completions.create({
                model: "demo",
                messages: user("one two three"),
                stream: true,
                stream_options: { include_usage: true },
            }),
        );
        assert.deepEqual(chunks.at(-1).choices, []);
        assert.equal(chunks.at(-1).usage.total_tokens, whole.usage.total_tokens);
    },
    async chat_streamed_by_the_helper() {
        const [c] = client();
        const final = await c.chat.completions
            .stream({ model: "demo", messages: user("one two") })
            .finalChatCompletion();
        assert.match(final.choices[0].message.content, /one two/);
    },
    async many_at_once() {
        const [c] = client();
        const answers = await Promise.all(
            Array.from({ length: 20 }, (_, i) =>
                c.chat.completions.create({ model: "demo", messages: user(`number ${i} ends`) }),
            ),
        );
        answers.forEach((answer, i) => assert.ok(answer.choices[0].message.content.includes(`number ${i} ends`)));
    },
    async tools_round_trip() {
        const [c] = client();
        const answer = await c.chat.completions.create({ model: "demo", messages: user("tool"), tools: TOOLS });
        assert.equal(answer.choices[0].finish_reason, "tool_calls");
        const call = answer.choices[0].message.tool_calls[0];
        assert.equal(call.function.name, "get_weather");
        assert.ok("city" in JSON.parse(call.function.arguments));
        const final = await c.chat.completions.create({
            model: "demo",
            tools: TOOLS,
            messages: [
                ...user("tool"),
                answer.choices[0].message,
                { role: "tool", tool_call_id: call.id, content: "rain-4711" },
            ],
        });
        assert.match(final.choices[0].message.content, /rain-4711/);
        const streamed = await c.chat.completions
            .stream({ model: "demo", messages: user("tool"), tools: TOOLS })
            .finalChatCompletion();
        const same = streamed.choices[0].message.tool_calls[0];
        assert.deepEqual(
            [same.id, same.function.name, same.function.arguments],
            [call.id, call.function.name, call.function.arguments],
        );
    },
    async models() {
        const [c] = client();
        const ids = [];
        for await (const model of c.models.list()) ids.push(model.id);
        assert.ok(ids.includes("demo"), ids.join());
        assert.equal((await c.models.retrieve("demo")).object, "model");
        await raises(OpenAI.NotFoundError, 404, "model_not_found", () => c.models.retrieve("nope"));
    },
    async errors() {
        let [c, sent] = client({ key: "sk-canary-client-wrong" });
        await raises(OpenAI.AuthenticationError, 401, "invalid_api_key", () =>
            c.chat.completions.create({ model: "demo", messages: user("x") }),
        );
        assert.equal(sent.count, 1, "a 401 was retried");
        [c, sent] = client();
        await raises(OpenAI.NotFoundError, 404, "model_not_found", () =>
            c.chat.completions.create({ model: "nope", messages: user("x") }),
        );
        const e = await raises(OpenAI.BadRequestError, 400, "invalid_parameter", () =>
            c.chat.completions.create({ model: "demo", messages: "x" }),
        );
        assert.equal(e.param, "messages");
        assert.equal(sent.count, 2, "a 404 or a 400 was retried");
    },
    async errors_that_are_retried() {
        let [c, sent] = client({ maxRetries: 2 });
        await raises(OpenAI.RateLimitError, 429, "upstream_rate_limited", () =>
            c.chat.completions.create({ model: "demo", messages: user("429") }),
        );
        assert.equal(sent.count, 3, `${sent.count} requests for a 429`);
        [c, sent] = client({ maxRetries: 1 });
        await raises(OpenAI.InternalServerError, 503, "server_is_overloaded", () =>
            c.chat.completions.create({ model: "demo", messages: user("529") }),
        );
        assert.equal(sent.count, 2, `${sent.count} requests for a 503`);
    },
    async a_stream_that_breaks() {
        const [c] = client();
        const got = [];
        await assert.rejects(async () => {
            for await (const chunk of await c.chat.completions.create({
                model: "demo",
                messages: user("break"),
                stream: true,
            }))
                got.push(chunk);
        }, OpenAI.APIError);
        assert.ok(got.length > 0, "nothing came before the error");
    },
    async a_stream_that_is_left() {
        const [c] = client();
        const stream = await c.chat.completions.create({
            model: "demo",
            messages: user("long 2000"),
            stream: true,
        });
        for await (const _ of stream) break;
        assert.ok(
            (await c.chat.completions.create({ model: "demo", messages: user("still there") })).choices.length,
        );
    },
    async recordings() {
        const cases = JSON.parse(readFileSync(CASES, "utf8"));
        const [direct] = client({ url: DIRECT, maxRetries: 0 }),
            [through] = client({ maxRetries: 0 });
        const different = [];
        for (const one of cases) {
            const [a, b] = [await yielded(direct, one), await yielded(through, one)];
            const hadNoCode = Array.isArray(a) && a.length === 2 && a[1] === null;
            if (hadNoCode && Array.isArray(b)) b[1] = null; // the gateway gives it one
            const isLong = Array.isArray(b) && b.length === 2 && b[1] === "context_length_exceeded";
            if (isLong && a[1] === "invalid_request_error") b[1] = a[1]; // clients branch on this one
            try {
                assert.deepEqual(b, a);
            } catch {
                const [was, is] = [a, b].map((value) => JSON.stringify(value).slice(0, 300));
                different.push(`${one.name}: direct ${was}, through the gateway ${is}`);
            }
        }
        assert.equal(
            different.length,
            0,
            `${different.length} of ${cases.length}\n${different.slice(0, 3).join("\n")}`,
        );
        assert.ok(cases.length > 40);
    },
};

// What the SDK yields for one recording; of an error its status and code, where that is text.
async function yielded(c, one) {
    try {
        const answer = await c.chat.completions.create({ ...one.request, model: one.model });
        const value = one.request.stream ? await all(answer) : answer;
        return JSON.parse(JSON.stringify(value, (k, v) => (k === "_request_id" ? undefined : v)));
    } catch (e) {
        if (!(e instanceof OpenAI.APIError) || !e.status) throw e;
        return [e.status, typeof e.error?.code === "string" ? e.error.code : null];
    }
}

let failed = 0;
for (const [name, test] of Object.entries(tests)) {
    try {
        await test();
        console.log(`ok ${name}`);
    } catch (e) {
        failed++;
        console.log(
            `FAILED ${name}: ${String(e.stack ?? e)
                .replaceAll("\n", " | ")
                .slice(0, 1500)}`,
        );
    }
}
process.exit(failed ? 1 : 0);
