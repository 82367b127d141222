// What parse.c learns of a text before the parser sees it; for parse.c alone.
#pragma once

#include "base/arena.h"
#include "base/buffer.h"
#include "sql/parse.h"

// A statement as the pre-scan saw it. Offsets are of the text as it was given.
struct prescan_statement {
  size_t start, end; // of its first token; behind its last one
  enum statement_form form;
  bool or_replace;
  // CREATE WORKFLOW: the statements between the parentheses, after AS, or in BEGIN ATOMIC … END. CREATE SINK: what is after AS.
  size_t body_start, body_end;
  bool has_body;
};

// Text put in that was not there, so that positions behind it can be taken back.
struct prescan_insertion {
  size_t at; // in the text for the parser
  size_t size;
};

struct prescan {
  struct arena *arena;
  struct prescan_statement *statements;
  int statement_count;
  struct buffer text; // for the parser: keywords swapped, a zero byte at the end
  struct prescan_insertion *insertions;
  int insertion_count;
  size_t token_count;
};

// 54000 too many tokens, 54001 nested too deeply. The text for the parser is ready.
int prescan_run(struct prescan *prescan, struct bytes text, struct error *error);
void prescan_deinit(struct prescan *prescan);
// An offset in the parser's text as one in the text as it was given.
size_t prescan_offset(const struct prescan *prescan, size_t offset);
