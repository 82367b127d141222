// A pattern of PostgreSQL's as one of PCRE2's; for regex.c alone.
#pragma once

#include "expr/tables.h"

struct regex_options {
  bool ignores_case, is_expanded, is_literal, is_global;
  bool stops_at_lines; // . and [^…] match no line break
  bool sees_lines;     // ^ and $ match at them
};

struct regex_reading {
  struct buffer out;
  bool has_choice;    // which of several matches is taken is not left to PCRE2
  bool is_shortest;   // the whole prefers the least
  bool has_reference; // to a group
};

// The letters of regexp_replace's flags.
int regex_read_flags(struct evaluation *evaluation, struct bytes flags, struct regex_options *options);
// Options may be changed by what the pattern begins with. The caller deinits reading->out.
int regex_read(struct evaluation *evaluation, struct bytes pattern, struct regex_options *options,
               struct regex_reading *reading);
int regex_bad(struct evaluation *evaluation, const char *why);
