-- What gateway.lua and the files it names may use; anything else is a warning.
-- `llm-gateway check --words` prints the same words from the program itself.
stds.config = {
    read_globals = {
        "listen", "plugins", "provider", "model", "project", "tag", "team", "key", "limits", "cors", "metrics", "ledger", "store", "budget", "policy", "env", "file",
        "ipairs", "pairs", "tonumber", "tostring", "type",
        math = { other_fields = true },
        string = { other_fields = true },
        table = { other_fields = true },
    },
}
std = "config"
max_line_length = 120

-- What a policy may use: `gw` with its libraries, and what the sandbox leaves of Lua's own names.
stds.policy = {
    read_globals = {
        "assert", "error", "ipairs", "next", "pairs", "pcall", "print", "select", "setmetatable", "tonumber", "tostring", "type",
        math = { other_fields = true },
        string = { other_fields = true },
        table = { fields = { "concat", "insert", "pack", "remove", "sort", "unpack" } },
        utf8 = { other_fields = true },
        gw = {
            fields = {
                "answer", "args", "bucket", "deny", "note", "regex", "route", "spend",
                arg = { fields = { "list", "map", "model", "zone" } },
                cache = { fields = { "del", "get", "set" } },
                counter = { fields = { "add", "get", "take" } },
                json = { fields = { "decode", "encode", "null" } },
                log = { fields = { "debug", "error", "info", "warn" } },
                text = { fields = { "contains", "digest", "ends", "fill", "like", "lower", "starts", "words" } },
                time = { fields = { "at", "day", "now", "within" } },
            },
        },
    },
}
files["scripts"] = { std = "policy", unused_args = false }
files["scripts/*_test.lua"] = { std = "policy", read_globals = { "test" } }
