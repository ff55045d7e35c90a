//! What of the plugin ABI this plugin uses: sdk/include/gateway/{abi,host,plugin,provider}.h in Rust. Tables and records that
//! come in are longer in a newer gateway; their beginning stays, so a prefix of them is enough here.
#![allow(dead_code)]

use std::ffi::{c_char, c_void};

pub const ABI_MAJOR: u32 = 0;
pub const ABI_MINOR: u32 = 1; // while the major is 0, only a gateway of the same counter takes the plugin

pub const OK: i32 = 0;
pub const E_NOMEM: i32 = -1;
pub const E_REQUEST: i32 = -3;
pub const E_PROTOCOL: i32 = -4;

pub const KIND_PROVIDER: u32 = 1;
pub const JSON_STR: u32 = 4;
pub const FRAMING_LINES: u32 = 2;
pub const OP_CHAT: u32 = 1;
pub const EVENT_TEXT: u32 = 2;
pub const EVENT_USAGE: u32 = 12;
pub const EVENT_FINISH: u32 = 13;
pub const EVENT_ERROR: u32 = 14;

/// Borrowed bytes; NULL: absent.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Str {
    pub ptr: *const u8,
    pub len: usize,
}

impl Str {
    pub const NONE: Str = Str { ptr: std::ptr::null(), len: 0 };

    pub fn of(text: &[u8]) -> Str {
        Str { ptr: text.as_ptr(), len: text.len() }
    }
    /// # Safety
    /// The result may be used as long as the function runs that was handed the text.
    pub unsafe fn bytes<'a>(self) -> Option<&'a [u8]> {
        if self.ptr.is_null() {
            None
        } else {
            Some(std::slice::from_raw_parts(self.ptr, self.len))
        }
    }
}

/// An opaque handle: gw_call, gw_json, gw_writer, gw_http.
pub type Handle = *mut c_void;
pub type Json = *const c_void;

#[repr(C)]
pub struct JsonApi {
    pub size: u32,
    reserved0: u32,
    kind: *const c_void,
    pub get: extern "C" fn(Json, Str) -> Json,
    pub at: extern "C" fn(Json, usize) -> Json,
    pub key_at: extern "C" fn(Json, usize) -> Str,
    pub count: extern "C" fn(Json) -> usize,
    pub str: extern "C" fn(Json) -> Str,
    pub integer: extern "C" fn(Json, i64) -> i64,
    real: *const c_void,
    boolean: *const c_void,
    text: *const c_void,
    pub parse: extern "C" fn(Handle, Str, *mut Json) -> i32,
}

#[repr(C)]
pub struct WriterApi {
    pub size: u32,
    reserved0: u32,
    pub object: extern "C" fn(Handle),
    array: *const c_void,
    pub close: extern "C" fn(Handle),
    pub key: extern "C" fn(Handle, Str),
    pub str: extern "C" fn(Handle, Str),
    others: [*const c_void; 6], // integer, real, boolean, null, copy, raw
    pub end: extern "C" fn(Handle) -> i32,
}

#[repr(C)]
pub struct Host {
    pub size: u32,
    pub abi_minor: u32,
    this: *mut c_void,
    pub json: *const JsonApi,
    pub write: *const WriterApi,
    log: *const c_void,
    now_ms: *const c_void,
    unix_ms: *const c_void,
    alloc: *const c_void,
    pub set_state: extern "C" fn(Handle, *mut c_void),
    pub state: extern "C" fn(Handle) -> *mut c_void,
    pub explain: extern "C" fn(Handle, Str),
    pub dropped: extern "C" fn(Handle, Str, Str),
    client_header: *const c_void,
    answer_header: *const c_void,
    writer: *const c_void,
    buf_append: *const c_void,
    http_method: *const c_void,
    pub http_url: extern "C" fn(Handle, Str),
    pub http_header: extern "C" fn(Handle, Str, Str),
    pub http_json_body: extern "C" fn(Handle) -> Handle,
}

#[repr(C)]
pub struct Request {
    pub size: u32,
    pub operation: u32,
    pub dialect: u32,
    pub stream: u32,
    pub model: Str,
    pub base_url: Str,
    pub secret: Str,
    pub path: Str,
    pub body: Json,
}

#[repr(C)]
pub struct Frame {
    pub size: u32,
    pub end: u32,
    pub status: u32,
    pub framing: u32,
    pub name: Str,
    pub data: Str,
}

/// -1: not reported.
#[repr(C)]
pub struct Tokens {
    pub size: u32,
    pub reserved0: u32,
    pub input: i64,
    pub cache_read: i64,
    pub cache_write_5m: i64,
    pub cache_write_1h: i64,
    pub output: i64,
    pub reasoning: i64,
    pub audio_in: i64,
    pub audio_out: i64,
    pub image_in: i64,
    pub image_out: i64,
    pub server_tool_calls: i64,
    pub total: i64,
    pub raw: Str,
}

#[repr(C)]
pub struct Event {
    pub size: u32,
    pub kind: u32,
    pub index: u32,
    pub item: u32,
    pub id: Str,
    pub text: Str,
    pub data: Str,
    pub tokens: *const Tokens,
    pub status: u32,
    pub fault: u32,
    pub code: Str,
    pub param: Str,
}

impl Event {
    /// What is not set in an event is absent.
    pub fn new(kind: u32) -> Event {
        Event {
            size: std::mem::size_of::<Event>() as u32,
            kind,
            index: 0,
            item: 0,
            id: Str::NONE,
            text: Str::NONE,
            data: Str::NONE,
            tokens: std::ptr::null(),
            status: 0,
            fault: 0,
            code: Str::NONE,
            param: Str::NONE,
        }
    }
}

pub type Emit = extern "C" fn(Handle, *const Event);

#[repr(C)]
pub struct ProviderOps {
    pub size: u32,
    pub operations: u32,
    pub dialects: u32,
    pub framing: u32,
    pub flags: u32,
    pub reserved0: u32,
    pub open: extern "C" fn(*const Host, Handle, Json, *mut *mut c_void) -> i32,
    pub close: extern "C" fn(*mut c_void),
    pub build: extern "C" fn(*mut c_void, Handle, *const Request, Handle) -> i32,
    pub read: extern "C" fn(*mut c_void, Handle, *const Frame, Emit) -> i32,
}

#[repr(C)]
pub struct Setting {
    pub name: *const c_char,
    pub help: *const c_char,
    pub kind: u32,
    pub flags: u32,
}

#[repr(C)]
pub struct Plugin {
    pub abi_major: u32,
    pub needs_minor: u32,
    pub size: u32,
    pub kind: u32,
    pub name: *const c_char,
    pub version: *const c_char,
    pub license: *const c_char,
    pub ops: *const ProviderOps,
    pub options: *const Setting,
}

// Static and read-only: the pointers in them are to literals.
unsafe impl Sync for Plugin {}
unsafe impl Sync for Setting {}
