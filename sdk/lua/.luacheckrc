-- What policies, their tests and gateway.lua may use, written by `llm-gateway policy editor`:
-- anything else is a warning.
stds.policy = {
    read_globals = {
        "assert", "error", "ipairs", "next", "pairs", "pcall", "print", "require", "select", "setmetatable",
        "tonumber", "tostring", "type",
        gw = { fields = {
            "answer", "args", "bucket", "count", "deny", "note", "regex", "retry", "route", "spend",
            arg = { fields = {
                "list", "map", "model", "zone",
            } },
            cache = { fields = {
                "del", "get", "set",
            } },
            counter = { fields = {
                "add", "get", "take",
            } },
            http = { fields = {
                "get", "post",
            } },
            json = { fields = {
                "decode", "encode", "null",
            } },
            llm = { fields = {
                "ask", "chat", "chat_all",
            } },
            log = { fields = {
                "debug", "error", "info", "warn",
            } },
            text = { fields = {
                "contains", "digest", "ends", "fill", "like", "lower", "script", "starts", "words",
            } },
            time = { fields = {
                "at", "day", "now", "within",
            } },
        } },
        math = { fields = {
            "abs", "acos", "asin", "atan", "ceil", "cos", "deg", "exp", "floor", "fmod",
            "huge", "log", "max", "maxinteger", "min", "mininteger", "modf", "pi", "rad", "sin",
            "sqrt", "tan", "tointeger", "type", "ult",
        } },
        string = { fields = {
            "byte", "char", "find", "format", "gmatch", "gsub", "len", "lower", "match", "rep",
            "reverse", "sub", "upper",
        } },
        table = { fields = {
            "concat", "insert", "pack", "remove", "sort", "unpack",
        } },
        utf8 = { fields = {
            "char", "charpattern", "codepoint", "codes", "len", "offset",
        } },
    },
}
stds.config = {
    read_globals = {
        "listen", "plugins", "provider", "model", "team", "project", "tag", "key", "policy", "limits",
        "cors", "admin", "metrics", "ledger", "store", "cache", "capture", "counters", "budget", "env",
        "file",
        "ipairs", "pairs", "print", "tonumber", "tostring", "type",
        math = { other_fields = true },
        string = { other_fields = true },
        table = { other_fields = true },
    },
}
std = "policy"
unused_args = false
max_line_length = 120
files["**/*_test.lua"] = { std = "policy", read_globals = { "test" } }
files["**/gateway.lua"] = { std = "config" }
files["**/gw.lua"] = { ignore = { "" } }
