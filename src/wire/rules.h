// Who may come in from where: rules in the form of PostgreSQL's pg_hba.conf, of which the first that fits counts.
//
// 1. Without a password nobody comes from another machine: a rule that would let him in is an error of its file.
// 2. Rules are read once, at the start.
#pragma once

#include "base/error.h"
#include "os/socket.h"

enum rule_method {
  METHOD_NONE, // no rule fits
  METHOD_TRUST,
  METHOD_SCRAM,
  METHOD_REJECT,
  METHOD_IF_ANY, // a password from whoever has one, and nothing from the others: the rule for loopback without a file
};

struct rules;

struct rule_question {
  const struct socket_address *peer;
  bool has_tls;
  const char *database, *user;
  bool (*is_member)(void *context, const char *role); // is the user's role a member of this one?
  void *context;
};

// Those that hold where there is no file: METHOD_IF_ANY from loopback addresses, passwords from elsewhere. NULL: out of
// memory.
struct rules *rules_default(void);
// path is for messages. F0000 with the line's number.
int rules_parse(const char *path, const char *text, struct rules **rules, struct error *error);
void rules_close(struct rules *rules);
enum rule_method rules_find(const struct rules *rules, const struct rule_question *question);
