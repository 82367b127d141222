// Roles and memberships: reading and changing their rows.
//
// 1. A row that is malformed is none: who cannot be read has no rights.
// 2. Every change gives the version a fresh definitions number, so that what was prepared is looked at anew.
#include "table/role.h"

#include "base/sqlstate.h"
#include "table/comment.h"
#include "table/internal.h"
#include "table/role_setting.h"

enum { ROLE_ROW_VERSION = 1, ROLE_ROW_HEAD = 17, MEMBER_ROW_VERSION = 1, MEMBER_ROW = 6 };
enum {
  FLAG_SUPERUSER = 1,
  FLAG_INHERIT = 2,
  FLAG_CREATE_ROLE = 4,
  FLAG_CREATE_DATABASE = 8,
  FLAG_LOGIN = 16,
  FLAG_REPLICATION = 32,
  FLAG_BYPASS = 64,
  FLAG_VALID_UNTIL = 128,
};

// Those of PostgreSQL 15, and its numbers. They cannot log in.
static const struct { uint32_t oid; const char *name; } predefined[] = {
  {3373, "pg_monitor"},
  {3374, "pg_read_all_settings"},
  {ROLE_READ_ALL_STATS, "pg_read_all_stats"},
  {3377, "pg_stat_scan_tables"},
  {ROLE_SIGNAL_BACKEND, "pg_signal_backend"},
  {4544, "pg_checkpoint"},
  {ROLE_READ_SERVER_FILES, "pg_read_server_files"},
  {ROLE_WRITE_SERVER_FILES, "pg_write_server_files"},
  {4571, "pg_execute_server_program"},
  {6171, "pg_database_owner"},
  {ROLE_READ_ALL_DATA, "pg_read_all_data"},
  {ROLE_WRITE_ALL_DATA, "pg_write_all_data"},
};
enum { PREDEFINED_COUNT = sizeof predefined / sizeof predefined[0] };
static const struct membership predefined_members[] = {
  {3373, 3374, ROLE_OWNER, false}, {3373, ROLE_READ_ALL_STATS, ROLE_OWNER, false}, {3373, 3377, ROLE_OWNER, false},
};
enum { PREDEFINED_MEMBERS = sizeof predefined_members / sizeof predefined_members[0] };

static int predefined_number(uint32_t oid)
{
  for (int i = 0; i < PREDEFINED_COUNT; i++)
    if (predefined[i].oid == oid)
      return i;
  return -1;
}

bool role_is_predefined(uint32_t oid)
{
  return predefined_number(oid) >= 0;
}

static void fill_predefined(int number, struct role *role)
{
  *role = (struct role){.oid = predefined[number].oid, .inherits = true, .connection_limit = -1, .valid_until = INT64_MAX};
  memcpy(role->name, predefined[number].name, strlen(predefined[number].name));
}

static void fill_first(struct role *role)
{
  *role = (struct role){
    .oid = ROLE_OWNER,
    .name = "quern",
    .is_superuser = true,
    .inherits = true,
    .creates_roles = true,
    .creates_databases = true,
    .logs_in = true,
    .replicates = true,
    .bypasses_rows = true,
    .connection_limit = -1,
    .valid_until = INT64_MAX,
  };
}

// --- Rows ----------------------------------------------------------------------------------------

static void encode(const struct role *role, struct buffer *out)
{
  int flags = (role->is_superuser ? FLAG_SUPERUSER : 0) | (role->inherits ? FLAG_INHERIT : 0) |
              (role->creates_roles ? FLAG_CREATE_ROLE : 0) | (role->creates_databases ? FLAG_CREATE_DATABASE : 0) |
              (role->logs_in ? FLAG_LOGIN : 0) | (role->replicates ? FLAG_REPLICATION : 0) |
              (role->bypasses_rows ? FLAG_BYPASS : 0) | (role->has_valid_until ? FLAG_VALID_UNTIL : 0);
  buffer_append_u8(out, ROLE_ROW_VERSION);
  buffer_append_u8(out, (uint8_t)flags);
  buffer_append_le32(out, (uint32_t)role->connection_limit);
  buffer_append_le64(out, (uint64_t)role->valid_until);
  buffer_append_u8(out, (uint8_t)strlen(role->name));
  buffer_append_le16(out, (uint16_t)strlen(role->verifier));
  buffer_append_string(out, role->name);
  buffer_append_string(out, role->verifier);
}

static bool decode(struct bytes row, uint32_t oid, struct role *role)
{
  if (row.size < ROLE_ROW_HEAD || row.data[0] != ROLE_ROW_VERSION)
    return false;
  size_t name = row.data[14], verifier = get_le16(row.data + 15);
  if (name == 0 || name > LIMIT_IDENTIFIER || verifier >= ROLE_VERIFIER || row.size != ROLE_ROW_HEAD + name + verifier)
    return false;
  int flags = row.data[1];
  *role = (struct role){
    .oid = oid,
    .is_superuser = flags & FLAG_SUPERUSER,
    .inherits = flags & FLAG_INHERIT,
    .creates_roles = flags & FLAG_CREATE_ROLE,
    .creates_databases = flags & FLAG_CREATE_DATABASE,
    .logs_in = flags & FLAG_LOGIN,
    .replicates = flags & FLAG_REPLICATION,
    .bypasses_rows = flags & FLAG_BYPASS,
    .connection_limit = (int32_t)get_le32(row.data + 2),
    .valid_until = (int64_t)get_le64(row.data + 6),
    .has_valid_until = flags & FLAG_VALID_UNTIL,
  };
  memcpy(role->name, row.data + ROLE_ROW_HEAD, name);
  memcpy(role->verifier, row.data + ROLE_ROW_HEAD + name, verifier);
  return true;
}

struct member_key {
  uint8_t bytes[8];
};

static struct member_key member_key(uint32_t member, uint32_t role)
{
  struct member_key key;
  put_be32(key.bytes, member);
  put_be32(key.bytes + 4, role);
  return key;
}

static bool decode_member(struct bytes key, struct bytes row, struct membership *membership)
{
  if (key.size != 8 || row.size != MEMBER_ROW || row.data[0] != MEMBER_ROW_VERSION)
    return false;
  *membership = (struct membership){
    .member = get_be32(key.data),
    .role = get_be32(key.data + 4),
    .is_admin = row.data[1] & 1,
    .grantor = get_le32(row.data + 2),
  };
  return true;
}

// --- Finding -------------------------------------------------------------------------------------

bool role_find(const struct version *version, uint32_t oid, struct read_mark *mark, struct role *role)
{
  int number = predefined_number(oid);
  if (number >= 0) {
    fill_predefined(number, role);
    return true;
  }
  uint8_t key[4];
  put_be32(key, oid);
  struct bytes row;
  if (tree_get(version, TREE_ROLES, bytes_of(key, 4), &row, mark))
    return decode(row, oid, role);
  if (oid == ROLE_OWNER)
    fill_first(role);
  return oid == ROLE_OWNER;
}

bool role_find_name(const struct version *version, const char *name, struct read_mark *mark, struct role *role)
{
  size_t size = strlen(name);
  if (size == 0 || size > LIMIT_IDENTIFIER)
    return false;
  struct bytes row;
  if (tree_get(version, TREE_ROLE_NAMES, bytes_of(name, size), &row, mark))
    return row.size == 4 && role_find(version, get_le32(row.data), mark, role);
  for (int i = 0; i < PREDEFINED_COUNT; i++)
    if (strcmp(predefined[i].name, name) == 0)
      return role_find(version, predefined[i].oid, mark, role);
  return role_find(version, ROLE_OWNER, mark, role) && strcmp(role->name, name) == 0;
}

// The next oid that has a row, behind this one; UINT32_MAX: none.
static uint32_t next_stored(const struct version *version, uint32_t oid)
{
  uint8_t key[4];
  put_be32(key, oid + 1);
  struct cursor cursor;
  cursor_init(&cursor, version, TREE_ROLES, NULL);
  bool is_found = cursor_seek(&cursor, bytes_of(key, 4)) && cursor.key.size == 4;
  uint32_t next = is_found ? get_be32(cursor.key.data) : UINT32_MAX;
  cursor_deinit(&cursor);
  return next;
}

bool role_next(const struct version *version, uint32_t *oid, struct role *role)
{
  while (*oid != UINT32_MAX) {
    uint32_t next = next_stored(version, *oid);
    if (*oid < ROLE_OWNER && next > ROLE_OWNER)
      next = ROLE_OWNER;
    for (int i = 0; i < PREDEFINED_COUNT; i++)
      if (predefined[i].oid > *oid && predefined[i].oid < next)
        next = predefined[i].oid;
    *oid = next;
    if (next != UINT32_MAX && role_find(version, next, NULL, role))
      return true;
  }
  return false;
}

static bool next_predefined_member(struct membership *membership)
{
  for (int i = 0; i < PREDEFINED_MEMBERS; i++) {
    const struct membership *at = &predefined_members[i];
    if (at->member > membership->member || (at->member == membership->member && at->role > membership->role)) {
      *membership = *at;
      return true;
    }
  }
  return false;
}

bool membership_next(const struct version *version, struct membership *membership)
{
  struct membership stored = {0}, own = *membership;
  struct member_key key = member_key(membership->member, membership->role + 1);
  struct cursor cursor;
  cursor_init(&cursor, version, TREE_MEMBERS, NULL);
  bool has_stored = cursor_seek(&cursor, bytes_of(key.bytes, 8)) && decode_member(cursor.key, cursor.row, &stored);
  cursor_deinit(&cursor);
  bool has_own = next_predefined_member(&own);
  bool own_first = has_own && (!has_stored || own.member < stored.member ||
                               (own.member == stored.member && own.role < stored.role));
  *membership = own_first ? own : stored;
  return has_stored || has_own;
}

bool membership_find(const struct version *version, uint32_t member, uint32_t role, struct read_mark *mark,
                     struct membership *membership)
{
  struct member_key key = member_key(member, role);
  struct bytes row;
  return tree_get(version, TREE_MEMBERS, bytes_of(key.bytes, 8), &row, mark) &&
         decode_member(bytes_of(key.bytes, 8), row, membership);
}

// --- What follows from memberships ------------------------------------------------------------------

// The roles that were reached; each is looked at once.
struct reach {
  const struct version *version;
  struct read_mark *mark;
  struct buffer oids; // 4 bytes each
  bool only_inherited;
};

static void reach_add(struct reach *reach, uint32_t oid)
{
  for (size_t at = 0; at < reach->oids.size; at += 4)
    if (get_le32(reach->oids.data + at) == oid)
      return;
  buffer_append_le32(&reach->oids, oid);
}

static void reach_from(struct reach *reach, uint32_t member)
{
  struct role role;
  if (reach->only_inherited && (!role_find(reach->version, member, reach->mark, &role) || !role.inherits))
    return;
  for (int i = 0; i < PREDEFINED_MEMBERS; i++)
    if (predefined_members[i].member == member)
      reach_add(reach, predefined_members[i].role);
  struct member_key key = member_key(member, 0);
  struct cursor cursor;
  cursor_init(&cursor, reach->version, TREE_MEMBERS, reach->mark);
  for (bool more = cursor_seek(&cursor, bytes_of(key.bytes, 8));
       more && cursor.key.size == 8 && get_be32(cursor.key.data) == member; more = cursor_next(&cursor))
    reach_add(reach, get_be32(cursor.key.data + 4));
  cursor_deinit(&cursor);
}

static bool reaches(const struct version *version, uint32_t oid, uint32_t other, bool only_inherited,
                    struct read_mark *mark)
{
  if (oid == other)
    return true;
  struct reach reach = {.version = version, .mark = mark, .only_inherited = only_inherited};
  bool found = false;
  reach_add(&reach, oid);
  for (size_t at = 0; at < reach.oids.size && !found && !reach.oids.failed; at += 4) {
    uint32_t next = get_le32(reach.oids.data + at);
    found = next == other;
    if (!found)
      reach_from(&reach, next);
  }
  buffer_deinit(&reach.oids);
  return found;
}

bool role_is_superuser(const struct version *version, uint32_t oid, struct read_mark *mark)
{
  struct role role;
  return role_find(version, oid, mark, &role) && role.is_superuser;
}

bool role_has(const struct version *version, uint32_t oid, uint32_t other, struct read_mark *mark)
{
  return oid == other || role_is_superuser(version, oid, mark) || reaches(version, oid, other, true, mark);
}

bool role_is_member(const struct version *version, uint32_t oid, uint32_t other, struct read_mark *mark)
{
  return oid == other || role_is_superuser(version, oid, mark) || reaches(version, oid, other, false, mark);
}

bool role_was_made_member(const struct version *version, uint32_t oid, uint32_t other, struct read_mark *mark)
{
  return reaches(version, oid, other, false, mark);
}

bool role_is_admin(const struct version *version, uint32_t oid, uint32_t of, struct read_mark *mark)
{
  if (role_is_superuser(version, oid, mark))
    return true;
  struct reach reach = {.version = version, .mark = mark};
  struct membership membership;
  bool found = false;
  reach_add(&reach, oid);
  for (size_t at = 0; at < reach.oids.size && !found && !reach.oids.failed; at += 4) {
    uint32_t next = get_le32(reach.oids.data + at);
    found = membership_find(version, next, of, mark, &membership) && membership.is_admin;
    reach_from(&reach, next);
  }
  buffer_deinit(&reach.oids);
  return found;
}

// --- Changes -------------------------------------------------------------------------------------

static int put_role(struct writer *writer, const struct role *role)
{
  struct buffer *row = &writer->catalog->scratch.row;
  buffer_clear(row);
  encode(role, row);
  if (row->failed)
    return error_memory(writer->error);
  uint8_t key[4];
  put_be32(key, role->oid);
  return write_put(writer, TREE_ROLES, 0, PUT_ANY, bytes_of(key, 4), buffer_bytes(row), NULL);
}

static int put_name(struct writer *writer, const struct role *role)
{
  uint8_t oid[4];
  put_le32(oid, role->oid);
  int status = write_put(writer, TREE_ROLE_NAMES, 0, PUT_INSERT, bytes_of_string(role->name), bytes_of(oid, 4), NULL);
  if (status == WRITE_REFUSED)
    return error_set(writer->error, SQLSTATE_DUPLICATE_OBJECT, "role \"%s\" already exists", role->name);
  return status;
}

static int delete_name(struct writer *writer, const char *name)
{
  int status = write_delete(writer, TREE_ROLE_NAMES, 0, bytes_of_string(name));
  return status < 0 ? status : STATUS_OK; // the first role may have none
}

static int finish(struct writer *writer, size_t mark, int status)
{
  if (status)
    return write_undo(writer, mark, status);
  version_touch_definitions(writer->version);
  return STATUS_OK;
}

int role_create(struct writer *writer, struct role *role)
{
  size_t mark = change_mark(writer->changes);
  struct role other;
  if (role_find_name(writer->version, role->name, writer->mark, &other))
    return error_set(writer->error, SQLSTATE_DUPLICATE_OBJECT, "role \"%s\" already exists", role->name);
  int status = catalog_draw_oid(writer, &role->oid);
  if (!status)
    status = put_name(writer, role);
  if (!status)
    status = put_role(writer, role);
  return finish(writer, mark, status);
}

int role_replace(struct writer *writer, const struct role *role)
{
  size_t mark = change_mark(writer->changes);
  struct role old, other;
  int status = STATUS_OK;
  if (!role_find(writer->version, role->oid, writer->mark, &old))
    return error_set(writer->error, SQLSTATE_UNDEFINED_OBJECT, "role with OID %u does not exist", role->oid);
  if (strcmp(old.name, role->name) != 0) {
    if (role_find_name(writer->version, role->name, writer->mark, &other))
      return error_set(writer->error, SQLSTATE_DUPLICATE_OBJECT, "role \"%s\" already exists", role->name);
    status = delete_name(writer, old.name);
    if (!status)
      status = put_name(writer, role);
  }
  if (!status)
    status = put_role(writer, role);
  return finish(writer, mark, status);
}

int role_drop(struct writer *writer, const struct role *role)
{
  size_t mark = change_mark(writer->changes);
  uint8_t key[4];
  put_be32(key, role->oid);
  int status = delete_name(writer, role->name);
  if (!status)
    status = write_delete(writer, TREE_ROLES, 0, bytes_of(key, 4));
  if (status >= 0)
    status = comments_forget(writer, COMMENT_ROLE, role->oid);
  for (int of_database = 0; of_database < 2 && status >= 0; of_database++)
    status = role_settings_put(writer, of_database, role->oid, (struct bytes){0});
  struct membership at = {0};
  while (status >= 0 && membership_next(writer->version, &at))
    if (at.member == role->oid || at.role == role->oid)
      status = membership_delete(writer, at.member, at.role);
  return finish(writer, mark, status < 0 ? status : STATUS_OK);
}

int membership_put(struct writer *writer, const struct membership *membership)
{
  size_t mark = change_mark(writer->changes);
  struct member_key key = member_key(membership->member, membership->role);
  uint8_t row[MEMBER_ROW] = {MEMBER_ROW_VERSION, membership->is_admin};
  put_le32(row + 2, membership->grantor);
  return finish(writer, mark,
                write_put(writer, TREE_MEMBERS, 0, PUT_ANY, bytes_of(key.bytes, 8), bytes_of(row, sizeof row), NULL));
}

int membership_delete(struct writer *writer, uint32_t member, uint32_t role)
{
  size_t mark = change_mark(writer->changes);
  struct member_key key = member_key(member, role);
  int status = write_delete(writer, TREE_MEMBERS, 0, bytes_of(key.bytes, 8));
  return finish(writer, mark, status < 0 ? status : STATUS_OK);
}

uint32_t role_oid_limit(const struct version *version)
{
  struct cursor cursor;
  cursor_init(&cursor, version, TREE_ROLES, NULL);
  bool is_found = cursor_seek_before(&cursor, (struct bytes){0}) && cursor.key.size == 4;
  uint32_t limit = is_found ? get_be32(cursor.key.data) + 1 : 0;
  cursor_deinit(&cursor);
  return limit;
}
