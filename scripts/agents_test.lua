-- agents_test.lua - llm-gateway policy test scripts/agents_test.lua
local policy = test.policy("agents.lua", { cheap = "fast", warn_usd = 3.0, stop_usd = 5.0 })

local function calls(n)
    local list = { { role = "user", text = "go" } }
    for i = 1, n do
        list[#list + 1] = { role = "assistant", tool_calls = { { id = "c" .. i, name = "ls", arguments = "{}" } } }
    end
    return list
end

test.case("a chore goes to the cheap model", function()
    test.equal(policy:on_request({ face = "messages", text = "quota", max_tokens = 1 }).model, "fast")
    local title = { system = "You are a title generator. You output ONLY a thread title.", text = "hi" }
    test.equal(policy:on_request(title).model, "fast")
    local summary = { text = "Your task is to create a detailed summary of this conversation" }
    test.equal(policy:on_request(summary).decision, "none")
    test.equal(policy:on_request({ text = "refactor this" }).decision, "none")
end)

test.case("the same call again: a word to the model, then the end", function()
    test.equal(policy:on_request({ messages = calls(3) }).edits, "")
    local did = policy:on_request { messages = calls(4) }
    test.contains(table.concat(did.texts, "|"), "Do something else")
    test.equal(did.events[1], "loop_warned")
    test.contains(policy:on_request({ messages = calls(8) }).text, "ls was called 8 times")
end)

test.case("a session: the cheap model, then nothing more", function()
    test.spend { session = "s", per = "total", spent_usd = 3.5 }
    test.equal(policy:on_request({ session = "s", text = "x" }).model, "fast")
    test.spend { session = "s", per = "total", spent_usd = 5 }
    test.contains(policy:on_request({ session = "s", text = "x" }).text, "has cost 5.00 USD")
    test.equal(policy:on_request({ text = "x" }).decision, "none")
end)
