// From text to parse trees, by libpg_query (PostgreSQL 15's parser).
//
// 1. A pre-scan bounds tokens, nesting and operator chains before the parser sees the text, so that no text
//    can exhaust the stack of the parser or of what walks its trees.
// 2. Quern's own statements are PostgreSQL's grammar with a keyword swapped at their start, positions kept:
//      CREATE SOURCE                        reads as  CREATE TABLE
//      CREATE SINK                          reads as  CREATE MATERIALIZED VIEW
//      CREATE [OR REPLACE] WORKFLOW x AS …  reads as  CREATE [OR REPLACE] FUNCTION x () BEGIN ATOMIC …; END
//      DROP, ALTER SOURCE | WORKFLOW | SINK reads as  DROP, ALTER TABLE (SINK: VIEW)
//    parsed->form tells them from the real ones.
// 3. Locations in the trees are byte offsets in parse->text (one text for all its statements).
#pragma once

#include <pg_query/pg_query.pb-c.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/error.h"
#include "data/type.h"

enum statement_form { FORM_PLAIN, FORM_SOURCE, FORM_SINK, FORM_WORKFLOW };

struct parsed {
  const PgQuery__Node *node; // NULL: an empty statement
  enum statement_form form;
  bool or_replace;     // CREATE OR REPLACE WORKFLOW
  struct bytes text;   // of this statement, in parse->text, without white space around it
  int32_t start;       // its first byte in parse->text
  struct parsed *body; // of CREATE WORKFLOW: its statements, in order; of CREATE SINK: its query
  int body_count;
};

struct parse {
  struct bytes text; // ends with a zero byte behind it; owned
  struct parsed *statements;
  int statement_count; // empty statements are left out
  PgQuery__ParseResult *tree; // owned: the nodes of all statements
};

// Parses a text of one or more statements; needs up to 3 MiB of stack, and so does what walks the deepest trees.
// 42601 with position, 54001, 54000; 0A000 where the grammar knows more than Quern.
// NULL with an error. Free with parse_close.
struct parse *parse_open(struct bytes text, struct error *error);
// The same for a text of unknown size: what it needs is charged to the account, which must outlive it. 53200.
struct parse *parse_open_within(struct bytes text, struct memory_account *account, struct error *error);
void parse_close(struct parse *parse);

// Calls visit for the message and all below it; what visit puts below it is come to as well.
void parse_walk(ProtobufCMessage *message, void (*visit)(ProtobufCMessage *message, void *context), void *context);

// Byte offset in the text to PostgreSQL's position (characters from 1); -1 gives 0.
int32_t parse_position(struct bytes text, int32_t offset);

// --- Literals -------------------------------------------------------------------------------------
// Statements that differ only in their literals share a plan: a fast scan replaces the literals of a SELECT,
// INSERT, UPDATE or DELETE by parameters.

struct literal {
  enum type_id type;   // INT4, INT8 or NUMERIC by its digits; UNKNOWN: a string
  struct bytes text;   // without quotes; doubled quotes undone; in the scan's buffer
  int32_t position;    // offset in the text
};

enum { LITERALS_MAXIMUM = 256 };

struct stripped {
  struct buffer text;      // with $1, $2, … in their places, white space and comments folded; reused from call to call
  struct buffer strings;   // what needed undoing
  struct literal literals[LITERALS_MAXIMUM];
  int literal_count;
};

// False if the text is not one to strip (several statements, parameters, other commands, E'' strings, too many
// literals, a quote left open, …): then it is parsed as it stands.
bool literals_strip(struct bytes text, struct stripped *stripped);

// A string as a node of a tree, on the heap like all of them. NULL: out of memory.
PgQuery__Node *parse_string_node(const char *text);
