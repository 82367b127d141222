// The one error struct: severity, SQLSTATE, message, detail, hint, position and names.
//
// A function that can fail returns 0 or a status below; the text and the SQLSTATE lie in the
// struct error that its caller passed. The status says what the caller can do.
#pragma once

#include <stdint.h>

enum status {
  STATUS_OK = 0,
  STATUS_INPUT = -1, // mend the input: it will fail again as it is
  STATUS_RETRY = -2, // run it again: it may succeed (40001, 40P01, 55P03)
  STATUS_LIMIT = -3, // a bound was met: ask for less, or raise the bound (53xxx, 54xxx, 57014)
  STATUS_FATAL = -4, // give up; the engine must be reopened (58xxx, XXxxx)
  STATUS_LONG = -5,  // not an error: the work met its allowance and must run elsewhere
  STATUS_WAIT = -6,  // not an error: it met a claim and must run again later
};

enum severity { SEVERITY_ERROR, SEVERITY_FATAL, SEVERITY_WARNING, SEVERITY_NOTICE, SEVERITY_INFO };

struct error {
  enum status status;
  enum severity severity;
  char sqlstate[6];
  int32_t position; // of the offending token, in characters from 1; 0: unknown
  char message[512];
  char detail[512];
  char hint[256];
  char context[256]; // where in the input it was
  char schema[64];
  char table[64];
  char column[64];
  char constraint[64];
  char type[64];
};

// Clears the error and sets SQLSTATE and message. Returns the status that belongs to the
// SQLSTATE's class, so that `return error_set(...)` is the usual form. error may be NULL.
int error_set(struct error *error, const char *sqlstate, const char *format, ...)
    __attribute__((format(printf, 3, 4), warn_unused_result));

// Add to an error that was set. They do nothing when error is NULL.
void error_detail(struct error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));
void error_hint(struct error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));
void error_context(struct error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));
// position: characters from 1.
void error_position(struct error *error, int32_t position);

// 53200, "out of memory", for an allocation that its account or the machine refused.
int error_memory(struct error *error) __attribute__((warn_unused_result));

void error_clear(struct error *error);
