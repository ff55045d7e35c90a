-- cascade.lua - the asked model answers first, a judge reads the answer, and what it marks low is asked again of the
-- strong model. What passes costs the cheap answer and the judge; what does not, the strong answer on top.
--
--     policy "scripts/cascade.lua" { llm = { "fast" }, args = { judge = "fast", strong = "smart", least = 7 } }
local args = gw.args {
    judge = gw.arg.model("fast"), strong = gw.arg.model("smart"), least = 7, most_bytes = 4000, timeout_ms = 3000,
}
local policy = {}

local ask = "Rate from 0 to 10 how well the answer solves the task. A number only.\nTask:\n%s\n\nAnswer:\n%s"

function policy.on_request(req)
    if #req.tools > 0 or req.model == args.strong then req:skip("on_response") end      -- agents: their tools judge
end

function policy.on_response(req, resp)
    if resp.retries > 0 or resp.finish ~= "stop" then return end
    local question = ask:format(req.last_user:sub(1, args.most_bytes), resp.text:sub(1, args.most_bytes))
    local mark, why = gw.llm.ask(args.judge, question, { max_tokens = 3, timeout_ms = args.timeout_ms })
    mark = mark and tonumber(mark:match("%d+"))
    if not mark then
        gw.note("not judged: " .. (why or "no number"))     -- the answer goes out
    elseif mark < args.least then
        gw.count("again")
        return gw.retry { model = args.strong, reason = "judged " .. mark }
    end
end

return policy
