/* guesses.h - what people write wrongly, and the words of which the message must have one: the right one. Each is the third line of a
 * policy, in the hook that is named. */
enum when {
    AT_LOAD, /* found by check */
    AT_RUN,  /* by the first request that comes there */
    LATER,   /* of words that this version does not have */
};

static const struct guess {
    const char *hook, *code, *right;
    enum when when;
} guesses[] = {
    /* of the design */
    { "on_request", "return gw.deny(\"too long\")", "a status from 400 to 599", AT_RUN },
    { "on_request", "return gw.deny(403, \"Too long\", \"x\")", "snake_case", AT_RUN },
    { "on_request", "return gw.route(\"smrt\")", "did you mean \"smart\"", AT_RUN },
    { "on_request", "req.model = \"smart\"", "return gw.route(model)", AT_LOAD },
    { "on_request", "if req.modle then end", "did you mean \"model\"", AT_LOAD },
    { "on_request", "req.set(\"temperature\", 0)", "", LATER },
    { "on_request", "req:set(\"max_output_tokens\", 5)", "", LATER },
    { "on_request", "gw.counter.add(\"a\", 1)", "{ per = \"day\" }", AT_RUN },
    { "on_request", "gw.counter.add(\"a\", 1, { per = \"daily\" })", "did you mean \"day\"", AT_RUN },
    { "on_request", "gw.spend { per = \"daily\" }", "team, key, user, session or project", AT_RUN },
    { "on_request", "gw.spend { team = \"suport\", per = \"day\" }", "did you mean \"support\"", AT_RUN },
    { "on_request", "req:map_text(function(t) gw.http.post(\"pii\", {}) end)", "", LATER },
    { "on_request", "if math.random() < 0.1 then end", "gw.bucket(text)", AT_LOAD },
    { "on_request", "local t = os.time()", "gw.time.now()", AT_LOAD },
    { "on_request", "gw.bucket(req.user)", "req.conversation", AT_RUN },
    { "on_request", "return \"smart\"", "return gw.deny(...), gw.answer(...), gw.route(...), or nothing", AT_RUN },
    { "on_request", "count = 1", "write local before it", AT_RUN },
    { "on_response", "return gw.route(\"smart\")", "", LATER },
    { "on_response", "return gw.retry { reason = \"x\" }", "", LATER },
    { "on_route", "return {}", "return gw.deny(", AT_RUN },
    { "on_finish", "return gw.deny(403, \"x\", \"y\")", "only in on_request, on_route", AT_RUN },
    { "on_request", "req:send_header(\"Authorization\", \"x\")", "", LATER },
    /* more */
    { "on_request", "return gw.block(403, \"x\", \"y\")", "did you mean gw.deny(status, code, text)", AT_LOAD },
    { "on_request", "return gw.reply(\"hello\")", "did you mean gw.answer(text)", AT_LOAD },
    { "on_request", "return gw.redirect(\"smart\")", "did you mean gw.route(model)", AT_LOAD },
    { "on_request", "return gw.dney(403, \"x\", \"y\")", "did you mean \"deny\"", AT_LOAD },
    { "on_request", "if req.prompt:find(\"x\") then end", "did you mean req.last_user", AT_LOAD },
    { "on_request", "if req.max_tokens > 5 then end", "req:get(\"max_tokens\")", AT_LOAD },
    { "on_request", "if req.temperature then end", "req:get(\"temperature\")", AT_LOAD },
    { "on_request", "if req.tokens > 100 then end", "req.estimated_input_tokens", AT_LOAD },
    { "on_request", "if req.ip == \"::1\" then end", "req.address", AT_LOAD },
    { "on_request", "if req.find(\"x\") then end", "write req:find(...), with a colon", AT_LOAD },
    { "on_request", "if req:team() == \"support\" then end", "req.team is a field", AT_LOAD },
    { "on_request", "req.team = \"support\"", "req is read-only", AT_LOAD },
    { "on_request", "if gw.text.startswith(req.last_user, \"x\") then end", "gw.text.starts(text, start)", AT_LOAD },
    { "on_request", "local n = gw.counter.incr(\"a\")", "gw.counter.add(name, 1, options)", AT_LOAD },
    { "on_request", "gw.cache.put(\"a\", \"b\")", "gw.cache.set(key, value, options)", AT_LOAD },
    { "on_request", "local v = gw.json.parse(\"{}\")", "gw.json.decode(text)", AT_LOAD },
    { "on_request", "local v = json.decode(\"{}\")", "gw.json.decode(text)", AT_LOAD },
    { "on_request", "local f = io.open(\"/etc/passwd\")", "gw.log.info(text)", AT_LOAD },
    { "on_request", "if string.startswith(\"a\", \"b\") then end", "gw.text.starts(text, start)", AT_LOAD },
    { "on_request", "local t = gw.now()", "gw.time.now()", AT_LOAD },
    { "on_request", "if gw.text.lowr(\"A\") == \"a\" then end", "did you mean \"lower\"", AT_LOAD },
    { "on_request", "if request.model == \"smart\" then end", "req, the first argument of a hook", AT_LOAD },
    { "on_request", "local n = table.getn(req.messages)", "#list", AT_LOAD },
    { "on_request", "local v = req:get(\"max_token\")", "did you mean \"max_tokens\"", AT_RUN },
    { "on_request", "local v = req:texts { role = \"user\" }", "did you mean \"roles\"", AT_RUN },
    { "on_request", "local v = req:texts { roles = { \"usr\" } }", "did you mean \"user\"", AT_RUN },
    { "on_request", "return gw.deny(403, \"x\", \"y\", { retry_after = 5 })", "did you mean \"retry_after_s\"",
      AT_RUN },
    { "on_request", "return gw.answer { txt = \"x\" }", "did you mean \"text\"", AT_RUN },
    { "on_request", "return gw.answer { text = \"x\", finish = \"end\" }", "unknown finish \"end\"", AT_RUN },
    { "on_request", "return { model = \"smart\" }", "gw.route(...)", AT_RUN },
    { "on_request", "return false", "or nothing", AT_RUN },
    { "on_request", "local first = req.messages[0]", "the first one is 1", AT_RUN },
    { "on_request", "local text = req.messages[1].content", "unknown field \"content\"", AT_RUN },
    { "on_route", "return gw.route(\"smart\")", "only in on_request", AT_RUN },
    { "on_finish", "return gw.answer(\"x\")", "only in on_request", AT_RUN },
};
