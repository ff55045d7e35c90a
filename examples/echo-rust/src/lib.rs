//! A provider in Rust, with the standard library alone: the same as ../echo-provider, and as its cases have it. Its upstream is
//! imaginary: it takes POST {"say":"..."} at its base_url and answers with lines of JSON, in the order
//!     {"piece":"some text"} ...  {"in":3,"out":5}        or, instead of any of them, {"error":"what went wrong"}

mod gateway;

use gateway::*;
use std::ffi::c_void;

/// An instance: one provider block of gateway.lua; read-only after open().
struct Echo {
    host: &'static Host, // lives until the process ends
    voice: Option<Vec<u8>>,
}

impl Echo {
    fn json(&self) -> &JsonApi {
        unsafe { &*self.host.json }
    }
    fn member(&self, object: Json, name: &str) -> Json {
        (self.json().get)(object, Str::of(name.as_bytes()))
    }
}

extern "C" fn open(host: *const Host, _call: Handle, config: Json, instance: *mut *mut c_void) -> i32 {
    let host: &'static Host = unsafe { &*host };
    let mut echo = Box::new(Echo { host, voice: None });
    let voice = (echo.json().str)(echo.member(config, "voice")); // lent for this call: copied
    echo.voice = unsafe { voice.bytes() }.map(|text| text.to_vec());
    unsafe { *instance = Box::into_raw(echo).cast() };
    OK
}

extern "C" fn close(instance: *mut c_void) {
    drop(unsafe { Box::from_raw(instance.cast::<Echo>()) });
}

/// Nothing is left out in silence.
fn name_dropped(echo: &Echo, call: Handle, body: Json) {
    for i in 0..(echo.json().count)(body) {
        let name = (echo.json().key_at)(body, i);
        let known: [&[u8]; 4] = [b"model", b"messages", b"stream", b"stream_options"];
        if !known.contains(&unsafe { name.bytes() }.unwrap_or(b"")) {
            (echo.host.dropped)(call, name, Str::of(b"an echo does not know it"));
        }
    }
}

extern "C" fn build(instance: *mut c_void, call: Handle, req: *const Request, out: Handle) -> i32 {
    let (echo, req) = unsafe { (&*instance.cast::<Echo>(), &*req) };
    let messages = echo.member(req.body, "messages"); // NULL when absent: look-ups chain
    let last = (echo.json().at)(messages, (echo.json().count)(messages).wrapping_sub(1));
    let say = (echo.json().str)(echo.member(last, "content"));
    if say.ptr.is_null() {
        (echo.host.explain)(call, Str::of(b"the echo service takes text only"));
        return E_REQUEST;
    }
    name_dropped(echo, call, req.body);
    (echo.host.http_url)(out, req.base_url);
    if let Some(voice) = &echo.voice {
        (echo.host.http_header)(out, Str::of(b"X-Voice"), Str::of(voice));
    }
    let (write, w) = (unsafe { &*echo.host.write }, (echo.host.http_json_body)(out));
    (write.object)(w);
    (write.key)(w, Str::of(b"say"));
    (write.str)(w, say);
    (write.close)(w);
    (write.end)(w) // errors stick: this is the only place to ask
}

fn emit_error(echo: &Echo, call: Handle, status: u32, json: Json, emit: Emit) {
    let mut event = Event::new(EVENT_ERROR);
    event.status = if status >= 400 { status } else { 502 }; // an error inside a 200
    event.text = (echo.json().str)(echo.member(json, "error"));
    emit(call, &event);
}

fn read_line(echo: &Echo, call: Handle, line: &[u8], emit: Emit) -> i32 {
    let mut json: Json = std::ptr::null();
    if (echo.json().parse)(call, Str::of(line), &mut json) != OK {
        return E_PROTOCOL; // and parse() has explained why
    }
    let piece = echo.member(json, "piece");
    if !piece.is_null() {
        let mut event = Event::new(EVENT_TEXT);
        event.text = (echo.json().str)(piece);
        emit(call, &event);
        return OK;
    }
    (echo.host.set_state)(call, call); // the last line: of what follows nothing counts
    if !echo.member(json, "error").is_null() {
        emit_error(echo, call, 200, json, emit);
        return OK;
    }
    let input = (echo.json().integer)(echo.member(json, "in"), -1);
    let output = (echo.json().integer)(echo.member(json, "out"), -1);
    if input >= 0 && output >= 0 {
        let mut tokens: Tokens = unsafe { std::mem::zeroed() };
        tokens.size = std::mem::size_of::<Tokens>() as u32;
        (tokens.input, tokens.output, tokens.total, tokens.raw) = (input, output, -1, Str::of(line));
        let mut event = Event::new(EVENT_USAGE);
        event.tokens = &tokens;
        emit(call, &event);
    }
    let mut event = Event::new(EVENT_FINISH);
    event.text = Str::of(b"stop");
    emit(call, &event);
    OK
}

/// A streamed answer comes line by line, any other in one piece: both are taken apart here.
extern "C" fn read(instance: *mut c_void, call: Handle, frame: *const Frame, emit: Emit) -> i32 {
    let (echo, frame) = unsafe { (&*instance.cast::<Echo>(), &*frame) };
    if frame.status >= 400 {
        let mut json: Json = std::ptr::null(); // stays NULL when it is not of the service but of something in between
        (echo.json().parse)(call, frame.data, &mut json);
        emit_error(echo, call, frame.status, json, emit);
        return OK;
    }
    for line in unsafe { frame.data.bytes() }.unwrap_or(b"").split(|byte| *byte == b'\n') {
        if line.is_empty() || !(echo.host.state)(call).is_null() {
            continue;
        }
        let status = read_line(echo, call, line, emit);
        if status != OK {
            return status;
        }
    }
    OK
}

static SETTINGS: [Setting; 2] = [
    Setting { name: b"voice\0".as_ptr().cast(), help: b"how it is said\0".as_ptr().cast(), kind: JSON_STR, flags: 0 },
    Setting { name: std::ptr::null(), help: std::ptr::null(), kind: 0, flags: 0 },
];

static OPS: ProviderOps = ProviderOps {
    size: std::mem::size_of::<ProviderOps>() as u32,
    operations: OP_CHAT,
    dialects: 0,
    framing: FRAMING_LINES,
    flags: 0,
    reserved0: 0,
    open,
    close,
    build,
    read,
};

static PLUGIN: Plugin = Plugin {
    abi_major: ABI_MAJOR,
    needs_minor: ABI_MINOR,
    size: std::mem::size_of::<Plugin>() as u32,
    kind: KIND_PROVIDER,
    name: b"echo\0".as_ptr().cast(),
    version: b"1.0.0\0".as_ptr().cast(),
    license: b"MIT\0".as_ptr().cast(),
    ops: &OPS,
    options: SETTINGS.as_ptr(),
};

/// The one symbol that a plugin exports.
#[no_mangle]
pub extern "C" fn gw_plugin_entry() -> *const Plugin {
    &PLUGIN
}
