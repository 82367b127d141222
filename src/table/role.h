// Roles: who there is, who is a member of whom, and what is granted on what is no relation. Rows of the catalog's trees,
// like definitions.
//   TREE_ROLES      oid (4 bytes big-endian)   -> encoded role
//   TREE_ROLE_NAMES name                       -> oid
//   TREE_MEMBERS    member, role               -> format version, flags, grantor
//   TREE_RIGHTS     class (1 byte), oid        -> rights, as relation->acl
// ROLE_OWNER is there from the beginning, a superuser named "quern", though it has a row only once it was altered; the
// roles that PostgreSQL defines (pg_read_all_data, …) never have one. So a directory of before there were roles has these.
#pragma once

#include "base/limits.h"
#include "table/catalog.h"

enum {
  ROLE_PUBLIC = 0, // everyone, in rights
  ROLE_READ_ALL_DATA = 6181,
  ROLE_WRITE_ALL_DATA = 6182,
  ROLE_READ_ALL_STATS = 3375,
  ROLE_READ_SERVER_FILES = 4569,
  ROLE_WRITE_SERVER_FILES = 4570,
  ROLE_SIGNAL_BACKEND = 4200,
};
enum { ROLE_VERIFIER = 512 }; // bytes of a password's verifier, zero byte included

struct role {
  uint32_t oid;
  char name[LIMIT_IDENTIFIER + 1];
  bool is_superuser, inherits, creates_roles, creates_databases, logs_in, replicates, bypasses_rows;
  int32_t connection_limit; // -1: none
  int64_t valid_until;      // of the password; INT64_MAX: for ever
  bool has_valid_until;
  char verifier[ROLE_VERIFIER]; // "": no password
};

struct membership {
  uint32_t member, role, grantor;
  bool is_admin;
};

// False: there is none. mark (what was looked at) may be NULL.
bool role_find(const struct version *version, uint32_t oid, struct read_mark *mark, struct role *role);
bool role_find_name(const struct version *version, const char *name, struct read_mark *mark, struct role *role);
// In the order of oids: start with *oid = 0. False behind the last.
bool role_next(const struct version *version, uint32_t *oid, struct role *role);
// Start with an all-zero membership.
bool membership_next(const struct version *version, struct membership *membership);
bool role_is_predefined(uint32_t oid);

bool role_is_superuser(const struct version *version, uint32_t oid, struct read_mark *mark);
// Has it the rights of the other one: as a superuser, being it, or by memberships that it inherits?
bool role_has(const struct version *version, uint32_t oid, uint32_t other, struct read_mark *mark);
// May it become the other one (SET ROLE)? A membership will do that it does not inherit.
bool role_is_member(const struct version *version, uint32_t oid, uint32_t other, struct read_mark *mark);
// As role_is_member, but superusers are members only of what they were made members of.
bool role_was_made_member(const struct version *version, uint32_t oid, uint32_t other, struct read_mark *mark);
bool role_is_admin(const struct version *version, uint32_t oid, uint32_t of, struct read_mark *mark);

// Assigns the oid. 42710 when the name is taken.
int role_create(struct writer *writer, struct role *role);
// As it is now, by its oid; its name may have changed.
int role_replace(struct writer *writer, const struct role *role);
// With its memberships.
int role_drop(struct writer *writer, const struct role *role);
int membership_put(struct writer *writer, const struct membership *membership);
int membership_delete(struct writer *writer, uint32_t member, uint32_t role);
bool membership_find(const struct version *version, uint32_t member, uint32_t role, struct read_mark *mark,
                     struct membership *membership);
// The oid behind the largest that is in use, for catalog_recover.
uint32_t role_oid_limit(const struct version *version);
