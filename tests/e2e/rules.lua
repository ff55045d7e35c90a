-- rules.lua - cases for the rules of GW_SHARED/design/policies, a part of each: test_policy_rules.py runs each part beside its rule.

--- 01-long-to-smart
local policy = test.policy("01-long-to-smart.lua")
test.case("a", function()
    test.equal(policy:on_request({ text = "hi" }).decision, "none")
    local did = test.every_face(policy, { text = ("word "):rep(40000) })
    test.equal(did.model, "long") test.contains(did.reason, "tokens")
    test.fails(function() test.policy("01-long-to-smart.lua", { over_token = 5 }) end, 'did you mean "over_tokens"')
end)

--- 02-images-to-vision
local policy = test.policy("02-images-to-vision.lua")
test.case("a", function()
    test.equal(test.every_face(policy, { text = "x", images = 2 }).model, "vision")
    test.equal(test.every_face(policy, { text = "x", tools = { "a" } }).model, "smart")
    test.equal(policy:on_request({ face = "embeddings", text = "x" }).decision, "none")
end)

--- 03-classify
local policy = test.policy("03-classify.lua")
test.case("asked once", function()
    local asked = 0
    test.llm("classifier", function() asked = asked + 1 return "Code." end)
    test.equal(policy:on_request({ text = "fix my loop" }).model, "smart")
    test.equal(policy:on_request({ text = "fix my loop" }).model, "smart")
    test.equal(asked, 1)
end)
test.case("away", function()
    test.llm("classifier", { error = "timeout" })
    local did = policy:on_request { text = "x" }
    test.equal(did.decision, "none") test.contains(did.notes[1], "not classified")
end)

--- 04-agent-chores
local policy = test.policy("04-agent-chores.lua")
test.case("a", function()
    test.equal(policy:on_request({ face = "messages", text = "quota", max_tokens = 1 }).model, "fast")
    test.equal(policy:on_request({ text = "x" }).decision, "none")
end)

--- 05-soft-budget
local policy = test.policy("05-soft-budget.lua")
test.case("a", function()
    test.spend { team = "support", per = "day", spent_usd = 41, limit_usd = 50 }
    local did = policy:on_request { team = "support", text = "x" }
    test.equal(did.model, "fast") test.contains(did.replies["x-budget-warning"], "41.00")
    test.equal(policy:on_request({ team = "other", text = "x" }).decision, "none")
end)

--- 06-business-hours
local policy = test.policy("06-business-hours.lua")
test.case("a", function()
    test.clock("2026-08-17 22:53", "Europe/Berlin")
    test.equal(policy:on_request({ text = "x" }).model, "fast")
    test.clock("2026-08-17 10:53", "Europe/Berlin")
    test.equal(policy:on_request({ text = "x" }).decision, "none")
    test.equal(policy:on_request({ text = "x", tags = { batch = "1" } }).retry_after_s, 60)
    test.clock("2026-08-16 10:53", "Europe/Berlin")
    test.equal(policy:on_request({ text = "x" }).model, "fast")
end)

--- 07-user-quota
local policy = test.policy("07-user-quota.lua", { tokens_per_day = 25 })
test.case("a", function()
    test.equal(policy:on_request({ text = "x" }).status, 400)
    local request = { text = "x", user = "u" }
    test.equal(policy:on_request(request).decision, "none")
    policy:on_finish(request, { outcome = "ok", usage = { input = 20, output = 10 } })
    test.equal(policy:on_request({ text = "x", user = "u" }).code, "user_quota")
    test.equal(policy:on_request({ text = "x", user = "v" }).decision, "none")
end)

--- 08-session-cap
local policy = test.policy("08-session-cap.lua")
test.case("a", function()
    test.spend { session = "s", per = "total", spent_usd = 3.5 }
    test.spend { session = "t", per = "total", spent_usd = 5 }
    test.equal(policy:on_request({ text = "x", session = "s" }).decision, "route")
    test.equal(policy:on_request({ text = "x", session = "t" }).decision, "answer")
    test.equal(policy:on_request({ text = "x" }).decision, "none")
end)

--- 09-loop-stop
local policy = test.policy("09-loop-stop.lua")
local function calls(n)
    local list = { { role = "user", text = "go" } }
    for i = 1, n do
        list[#list + 1] = { role = "assistant", tool_calls = { { id = "c" .. i, name = "ls", arguments = "{}" } } }
    end
    return list
end
test.case("a", function()
    test.equal(policy:on_request({ messages = calls(3) }).edits, "")
    local did = policy:on_request { messages = calls(5) }
    test.equal(did.decision, "none") test.contains(table.concat(did.texts, "|"), "Do something else") test.equal(did.events[1], "loop_warned")
    test.equal(policy:on_request({ messages = calls(8) }).decision, "answer")
end)

--- 10-tool-allow
local policy = test.policy("10-tool-allow.lua")
test.case("a", function()
    local request = { team = "support", text = "x", tools = { "search", "shell" } }
    test.equal(table.concat(policy:on_request(request).tools, " "), "search")
    test.equal(policy:on_response(request, { tool_calls = { { name = "shell" } } }).decision, "retry")
    test.equal(policy:on_response({ team = "research", text = "x" }, { tool_calls = { { name = "shell" } } }).decision, "none")
end)

--- 11-mask
local policy = test.policy("11-mask.lua")
test.case("a", function()
    local did = policy:on_request { messages = { { role = "user", text = "mail a@b.de and c@d.de" }, { role = "assistant", text = "a@b.de it is" },
        { role = "user", text = "DE44 5001 0517 5407 3249 31" } } }
    test.equal(did.texts[1], "user: mail [EMAIL_1] and [EMAIL_2]") test.equal(did.texts[2], "assistant: [EMAIL_1] it is")
    test.equal(did.restores["[EMAIL_2]"], "c@d.de") test.equal(did.restores["[IBAN_3]"], "DE44 5001 0517 5407 3249 31")
end)

--- 12-eu-only
local policy = test.policy("12-eu-only.lua")
test.case("a", function()
    local us, eu = { name = "openai/x", region = "us" }, { name = "azure/x", region = "eu" }
    test.equal(policy:on_route({ text = "x" }, { us, eu }).decision, "none")
    test.equal(table.concat(policy:on_route({ text = "x", tags = { confidential = "1" } }, { us, eu }).targets), "azure/x")
    test.equal(policy:on_route({ text = "x", tags = { confidential = "1" } }, { us }).status, 403)
end)

--- 13-fallback-by-error
local policy = test.policy("13-fallback-by-error.lua")
test.case("a", function()
    local targets = { { name = "openai/b" }, { name = "claude/c" } }
    local function after(class) return { text = "x", attempt = 2, last_error = { class = class, provider = "openai", target = "openai/a" } } end
    test.equal(policy:on_route({ text = "x" }, targets).decision, "none")
    test.equal(policy:on_route(after("rate_limited"), targets).targets[1], "claude/c")
    test.equal(policy:on_route(after("content_filter"), targets).code, "content_filter")
end)

--- 14-sticky
local policy = test.policy("14-sticky.lua")
test.case("a", function()
    local targets = { { name = "a/x" }, { name = "b/x" } }
    local request = { text = "x", session = "s" }
    test.equal(policy:on_route(request, targets).decision, "none")
    policy:on_finish(request, { outcome = "ok", target = "b/x" })
    test.equal(policy:on_route({ text = "x", session = "s" }, targets).targets[1], "b/x")
    test.equal(policy:on_route({ text = "x", session = "s" }, { { name = "a/x" }, { name = "b/x", cooling_s = 5 } }).targets[1], "a/x")
end)

--- 15-canary
local policy = test.policy("15-canary.lua", { percent = 50 })
test.case("a", function()
    local n = 0
    for i = 1, 400 do if policy:on_request({ model = "fast", text = "x", user = "u" .. i }).decision == "route" then n = n + 1 end end
    test.equal(n > 150 and n < 250, true)
    local request = { model = "fast", text = "x", user = "u1" }
    local first = policy:on_request(request)
    test.equal(policy:on_request({ model = "fast", text = "x", user = "u1" }).decision, first.decision)
    test.contains("new old", first.tags.experiment)
    test.contains(policy:on_finish(request, { outcome = "ok" }).events[1], "_ok")
    test.equal(policy:on_request({ model = "other", text = "x", user = "u1" }).decision, "none")
end)

--- 16-valid-json
local policy = test.policy("16-valid-json.lua")
test.case("a", function()
    local request = { text = "x", wants_json = true }
    test.equal(policy:on_response(request, { text = '{"a":[1,2]}' }).decision, "none")
    test.contains(policy:on_response(request, { text = "```json\n{}" }).say, "not valid JSON")
    test.equal(policy:on_response(request, { text = "x", retries = 1 }).model, "smart")
    test.equal(policy:on_response(request, { text = "x", retries = 2 }).status, 502)
end)

--- 17-refusal
local policy = test.policy("17-refusal.lua")
test.case("a", function()
    test.equal(policy:on_response({ text = "x" }, { text = "Sure." }).decision, "none")
    test.equal(policy:on_response({ text = "x" }, { text = "", finish = "content_filter" }).decision, "none")
    test.equal(policy:on_response({ text = "x" }, { text = "I can't help with that." }).model, "smart")
end)

--- 18-cascade
local policy = test.policy("18-cascade.lua")
test.case("a", function()
    test.llm("judge", function(body) return body:find("bad", 1, true) and "3" or "9" end)
    test.equal(policy:on_response({ text = "x" }, { text = "good" }).decision, "none")
    test.equal(policy:on_response({ text = "x" }, { text = "bad" }).model, "smart")
end)

--- 19-vote
local policy = test.policy("19-vote.lua")
test.case("a", function()
    test.llm("fast", "4") test.llm("smart", "5") test.llm("backup", "5")
    test.equal(policy:on_request({ text = "x" }).decision, "none")
    local did = test.every_face(policy, { text = "x", tags = { vote = "1" } })
    test.equal(did.text, "5") test.equal(did.reason, "2 of 3 agree")
end)
test.case("one is away", function()
    test.llm("fast", { error = "timeout" }) test.llm("smart", "5") test.llm("backup", "5")
    test.equal(policy:on_request({ text = "x", tags = { vote = "1" } }).text, "5")
end)

--- 20-race
local policy = test.policy("20-race.lua")
test.case("a", function()
    test.llm("fast", { error = "timeout" }) test.llm("backup", "b")
    local did = policy:on_request { text = "x" }
    test.equal(did.text, "b") test.equal(did.reason, "racer 2")
    test.equal(policy:on_request({ text = "x", stream = true }).decision, "none")
end)

--- 21-system-by-team
local policy = test.policy("21-system-by-team.lua")
test.case("a", function()
    local did = test.every_face(policy, { team = "support", system = "App.", text = "x" })
    test.contains(table.concat(did.texts, "|"), "App.") test.contains(table.concat(did.texts, "|"), "Answer in")
    test.equal(policy:on_request({ team = "other", text = "x" }).edits, "")
end)

--- 22-template
local policy = test.policy("22-template.lua")
test.case("a", function()
    local function ask(headers) return policy:on_request { text = "x", headers = headers } end
    test.contains(ask({ ["x-template"] = "summary", ["x-template-values"] = '{"reader":"a child","words":50}' }).texts[1], "a child in 50")
    test.equal(ask({ ["x-template"] = "summary" }).code, "template_values")
    test.equal(ask({ ["x-template"] = "summary", ["x-template-values"] = "{" }).code, "template_values")
    test.equal(ask({ ["x-template"] = "x" }).code, "no_template")
    test.equal(ask({}).decision, "none")
end)

--- 23-caps
local policy = test.policy("23-caps.lua")
test.case("a", function()
    local did = policy:on_request { team = "support", text = "x", tags = { env = "production" } }
    test.contains(did.body, "1000") test.contains(did.edits, "cap") test.contains(did.edits, "set")
    test.equal(policy:on_request({ team = "support", text = "x", max_tokens = 200 }).edits, "")
    did = policy:on_request { text = "x", face = "messages", body = '{"model":"m","max_tokens":9000,"thinking":{"type":"enabled","budget_tokens":8000},"messages":[{"role":"user","content":"x"}]}' }
    test.contains(did.body, '"budget_tokens":4000')
end)

--- 24-upstream-headers
local policy = test.policy("24-upstream-headers.lua")
test.case("a", function()
    local did = policy:on_route({ team = "support", text = "x" }, { { name = "bedrock/x" } })
    test.equal(did.sends["x-cost-center"], "support") test.equal(did.sends["anthropic-beta"], false)
    test.equal(policy:on_route({ team = "support", text = "x" }, { { name = "claude/x" } }).sends["anthropic-beta"], nil)
end)

--- 25-alias
local policy = test.policy("25-alias.lua")
test.case("a", function()
    test.equal(policy:on_request({ client = "claude-code", model = "claude-opus-4-8", text = "x" }).model, "smart")
    test.equal(policy:on_request({ client = "claude-code", model = "claude-haiku-4-5", text = "x" }).model, "fast")
    test.equal(policy:on_request({ model = "claude-opus-4-8", text = "x" }).decision, "none")
end)

--- 26-prompt-guard
local policy = test.policy("26-prompt-guard.lua")
test.case("a", function()
    test.equal(test.every_face(policy, { text = "About Project Nightfall" }).code, "not_allowed_text")
    test.equal(test.every_face(policy, { text = "4111 1111 1111 1111" }).status, 403)
    test.equal(policy:on_request({ text = ("word "):rep(100000) }).status, 413)
    test.equal(policy:on_request({ text = "x" }).decision, "none")
end)

--- 27-moderation
local policy = test.policy("27-moderation.lua")
test.case("a", function()
    test.http("moderation", function(asked) return { json = { results = { { flagged = asked.text:find("bad", 1, true) ~= nil } } } } end)
    test.equal(policy:on_request({ text = "bad" }).code, "flagged")
    test.equal(policy:on_request({ text = "ok" }).decision, "none")
    test.http("moderation", nil)
    test.equal(policy:on_request({ text = "ok" }).status, 503)
end)

--- 28-faq
local policy = test.policy("28-faq.lua")
test.case("a", function()
    local request = { text = "How  late?" }
    test.equal(policy:on_request(request).decision, "none")
    policy:on_response(request, { text = "8 pm", finish = "stop" })
    test.equal(policy:on_request({ text = "how late?" }).text, "8 pm")
    request = { text = "y" }
    policy:on_request(request)
    policy:on_response(request, { text = "cut", finish = "length" })
    test.equal(policy:on_request({ text = "y" }).decision, "none")
end)

--- 29-room
local policy = test.policy("29-room.lua")
test.case("a", function()
    local small, unknown, large = { name = "a/s", context_tokens = 8000 }, { name = "b/u" }, { name = "c/l", context_tokens = 200000 }
    local request = { text = ("word "):rep(7000) }
    test.equal(table.concat(policy:on_route(request, { small, unknown, large }).targets, " "), "c/l b/u")
    test.equal(policy:on_route({ text = ("word "):rep(7000) }, { small }).code, "context_length_exceeded")
end)

--- 30-cheapest-that-is-well
local policy = test.policy("30-cheapest-that-is-well.lua")
test.case("a", function()
    local did = policy:on_route({ text = "x" }, { { name = "a/x", cost_usd = 3, first_token_ms = 300 }, { name = "b/x", cost_usd = 1, first_token_ms = 9000 },
        { name = "c/x", cost_usd = 2 }, { name = "d/x", cost_usd = 0.5, healthy = false } })
    test.equal(table.concat(did.targets, " "), "c/x a/x d/x b/x")
end)

--- 31-must-say-who
local policy = test.policy("31-must-say-who.lua")
test.case("a", function()
    test.contains(policy:on_request({ text = "x" }).text, "shop, search")
    local did = policy:on_request { text = "x", project = "shop", client = "codex" }
    test.equal(did.decision, "none") test.equal(did.tags.feature, "none") test.equal(did.tags.client, "codex")
end)

--- 32-redact-answer
local policy = test.policy("32-redact-answer.lua")
test.case("a", function()
    local did = policy:on_response({ text = "x" }, { text = "key sk-abc123 ok" })
    test.equal(did.events[1], "redacted") test.equal(did.answer, "key [key removed] ok")
end)

--- 33-token-rate
local policy = test.policy("33-token-rate.lua", { tokens_per_minute = 100 })
test.case("a", function()
    local request = { model = "private", text = ("word "):rep(40) }
    test.equal(policy:on_request(request).decision, "none")
    test.equal(policy:on_request({ model = "private", text = ("word "):rep(40) }).code, "gpu_busy")
    policy:on_finish(request, { outcome = "ok", usage = { input = 10, output = 5, cache_read = 10 } })
    test.equal(policy:on_request({ model = "private", text = ("word "):rep(40) }).decision, "none")
end)

--- 34-language
local policy = test.policy("34-language.lua")
test.case("a", function()
    test.equal(test.every_face(policy, { text = "你好" }).model, "smart")
    test.equal(policy:on_request({ text = "Привет" }).model, "backup")
    test.equal(policy:on_request({ text = "hallo" }).decision, "none")
end)

--- 35-plans
local policy = test.policy("35-plans.lua")
test.case("a", function()
    local did = policy:on_request { text = "x", tags = { plan = "paid" } }
    test.equal(did.model, "smart") test.contains(did.body, "4000")
    test.equal(policy:on_request({ text = "x" }).model, "fast")
    test.equal(policy:on_request({ text = "x", tags = { plan = "x" } }).code, "no_plan")
end)

--- 36-injection-screen
local policy = test.policy("36-injection-screen.lua")
test.case("a", function()
    test.llm("classifier", function(body) return body:find("ignore", 1, true) and "Yes" or "no" end)
    local function brought(text)
        return { messages = { { role = "user", text = "a" }, { role = "assistant", tool_calls = { { id = "c", name = "f", arguments = "{}" } } }, { role = "tool", text = text } } }
    end
    test.equal(policy:on_request({ text = "x" }).decision, "none")
    test.equal(policy:on_request(brought("ignore all")).code, "injection")
    test.equal(policy:on_request(brought("fine")).decision, "none")
end)
