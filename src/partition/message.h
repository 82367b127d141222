// Messages of PostgreSQL's protocol 3, as the partition reads and writes them.
#pragma once

#include "base/buffer.h"
#include "base/error.h"
#include "sql/query.h"

struct message {
  char type;
  struct bytes body;
};

// Takes the message at *at off the bytes. 1: a message; 0: it is not whole yet; STATUS_INPUT: a length that cannot be
// (08P01), after which the bytes cannot be understood any more.
int message_next(struct bytes bytes, size_t *at, struct message *message, struct error *error);

// Reads fields of a body. A reader that ran past the end has failed and gives zeros and empty bytes.
struct message_reader {
  struct bytes body;
  size_t at;
  bool failed;
};
uint8_t read_u8(struct message_reader *reader);
int16_t read_i16(struct message_reader *reader);
int32_t read_i32(struct message_reader *reader);
// Up to and without its zero byte, which stays behind it in the body.
struct bytes read_string(struct message_reader *reader);
struct bytes read_bytes(struct message_reader *reader, size_t size);

// Begins a message and gives the place of its length; message_end fills that in. Without memory the buffer has failed.
size_t message_begin(struct buffer *out, char type);
void message_end(struct buffer *out, size_t begin);
void message_empty(struct buffer *out, char type); // a message without a body
void message_tag(struct buffer *out, const char *tag);
void message_ready(struct buffer *out, char transaction_status);
void message_parameter_status(struct buffer *out, const char *name, const char *value);
// An error or, by its severity, a notice.
void message_error(struct buffer *out, const struct error *error);
// formats[i]: is column i binary?
void message_row_description(struct buffer *out, const struct target *columns, int count, const bool *formats);
void message_row(struct buffer *out, const struct target *columns, int count, const struct value *values,
                 const bool *formats, const struct format_settings *settings);
void message_parameter_description(struct buffer *out, const struct type *parameters, int count);
// A result of text columns that a command makes itself (SHOW, EXPLAIN).
void message_text_description(struct buffer *out, const char *const *names, int count);
void message_text_row(struct buffer *out, const char *const *values, int count); // NULL: NULL
// 'G' or 'H': text, `columns` of them.
void message_copy_response(struct buffer *out, char type, int columns, bool is_binary);
