// The table of claims. What it is for and its invariants are in claim.h.
//
// A claim lives as long as somebody holds it or waits for it. A row's claim brings a share of its table, so that
// whoever claims the table (LOCK TABLE, TRUNCATE) meets those who claimed rows.
#include "txn/claim.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/limits.h"
#include "base/sqlstate.h"

struct hold {
  struct claim *claim;
  struct claimant *claimant;
  struct hold *next, *previous;           // of the claim
  struct hold *next_own, *previous_own;   // of the claimant
  enum claim_mode mode;
  bool is_session;
  bool is_reserved; // granted after a wait: whoever waited takes it once more, as the session's
  bool is_one_shot; // of an atom that is to be tried again: it keeps the place, and no promise
  bool is_soft;
  int64_t since;
  uint32_t count;
};

struct claim {
  enum claim_kind kind;
  tree_number tree;
  bool is_prefix;
  struct hold *holds;
  struct claimant *first_waiting, *last_waiting;
  size_t tag_size;
  uint8_t tag[]; // encoded
};

enum { TAG_HEAD = 5 }; // kind, tree

#define BIT(mode) (1u << CLAIM_##mode)
#define BITS_TABLE_WRITERS (BIT(TABLE_SHARE) | BIT(TABLE_SHARE_ROW_EXCLUSIVE) | BIT(TABLE_EXCLUSIVE) | BIT(TABLE_ACCESS_EXCLUSIVE))

// With which modes each conflicts: as in PostgreSQL's manual, sections 13.3.1 and 13.3.2.
static const uint16_t conflicts[CLAIM_MODES] = {
  [CLAIM_KEY_SHARE] = BIT(UPDATE),
  [CLAIM_SHARE] = BIT(NO_KEY_UPDATE) | BIT(UPDATE),
  [CLAIM_NO_KEY_UPDATE] = BIT(SHARE) | BIT(NO_KEY_UPDATE) | BIT(UPDATE),
  [CLAIM_UPDATE] = BIT(KEY_SHARE) | BIT(SHARE) | BIT(NO_KEY_UPDATE) | BIT(UPDATE),
  [CLAIM_TABLE_ACCESS_SHARE] = BIT(TABLE_ACCESS_EXCLUSIVE),
  [CLAIM_TABLE_ROW_SHARE] = BIT(TABLE_EXCLUSIVE) | BIT(TABLE_ACCESS_EXCLUSIVE),
  [CLAIM_TABLE_ROW_EXCLUSIVE] = BITS_TABLE_WRITERS,
  [CLAIM_TABLE_SHARE_UPDATE_EXCLUSIVE] = BIT(TABLE_SHARE_UPDATE_EXCLUSIVE) | BITS_TABLE_WRITERS,
  [CLAIM_TABLE_SHARE] = BIT(TABLE_ROW_EXCLUSIVE) | BIT(TABLE_SHARE_UPDATE_EXCLUSIVE) | BIT(TABLE_SHARE_ROW_EXCLUSIVE) |
                        BIT(TABLE_EXCLUSIVE) | BIT(TABLE_ACCESS_EXCLUSIVE),
  [CLAIM_TABLE_SHARE_ROW_EXCLUSIVE] = BIT(TABLE_ROW_EXCLUSIVE) | BIT(TABLE_SHARE_UPDATE_EXCLUSIVE) | BITS_TABLE_WRITERS,
  [CLAIM_TABLE_EXCLUSIVE] =
    BIT(TABLE_ROW_SHARE) | BIT(TABLE_ROW_EXCLUSIVE) | BIT(TABLE_SHARE_UPDATE_EXCLUSIVE) | BITS_TABLE_WRITERS,
  [CLAIM_TABLE_ACCESS_EXCLUSIVE] = BIT(TABLE_ACCESS_SHARE) | BIT(TABLE_ROW_SHARE) | BIT(TABLE_ROW_EXCLUSIVE) |
                                   BIT(TABLE_SHARE_UPDATE_EXCLUSIVE) | BITS_TABLE_WRITERS,
};

static bool modes_conflict(enum claim_mode a, enum claim_mode b)
{
  return conflicts[a] >> b & 1;
}

static bool bars_writers(const struct hold *hold)
{
  return hold->claim->kind == CLAIM_ON_TABLE && modes_conflict(hold->mode, CLAIM_TABLE_ROW_EXCLUSIVE);
}

// --- Claims by tag ----------------------------------------------------------------------------------------------

// A tag as bytes, where it is short or long.
struct encoded {
  uint8_t bytes[TAG_HEAD + LIMIT_KEY];
  size_t size;
};

static void encode(const struct claim_tag *tag, struct encoded *encoded)
{
  CHECK(tag->key.size <= LIMIT_KEY);
  encoded->bytes[0] = (uint8_t)tag->kind;
  put_le32(encoded->bytes + 1, tag->tree);
  if (tag->key.size)
    memcpy(encoded->bytes + TAG_HEAD, tag->key.data, tag->key.size);
  encoded->size = TAG_HEAD + tag->key.size;
}

static struct claim *find(const struct claims *claims, const struct claim_tag *tag)
{
  struct encoded encoded;
  encode(tag, &encoded);
  return map_get(&claims->map, bytes_of(encoded.bytes, encoded.size));
}

static struct bytes claim_bytes(const struct claim *claim)
{
  return bytes_of(claim->tag, claim->tag_size);
}

static size_t claim_size(const struct claim *claim)
{
  return sizeof *claim + claim->tag_size;
}

// Index trees whose unique keys are claimed, with the sizes of these keys: how an entry that somebody writes is found
// to begin with one.
struct prefix {
  tree_number tree;
  uint32_t size;
  size_t count;
};

static struct bytes prefix_key(const struct prefix *prefix)
{
  return bytes_of(prefix, sizeof prefix->tree + sizeof prefix->size);
}

static bool prefix_add(struct claims *claims, const struct claim *claim)
{
  struct prefix wanted = {.tree = claim->tree, .size = (uint32_t)(claim->tag_size - TAG_HEAD)};
  struct prefix *prefix = map_get(&claims->prefixes, prefix_key(&wanted));
  if (!prefix) {
    prefix = malloc(sizeof *prefix);
    if (!prefix)
      return false;
    *prefix = wanted;
    if (!map_put(&claims->prefixes, prefix_key(&wanted), prefix)) {
      free(prefix);
      return false;
    }
  }
  prefix->count++;
  return true;
}

static void prefix_remove(struct claims *claims, const struct claim *claim)
{
  struct prefix wanted = {.tree = claim->tree, .size = (uint32_t)(claim->tag_size - TAG_HEAD)};
  struct prefix *prefix = map_get(&claims->prefixes, prefix_key(&wanted));
  if (--prefix->count)
    return;
  map_remove(&claims->prefixes, prefix_key(&wanted));
  free(prefix);
}

static struct claim *claim_new(struct claims *claims, const struct claim_request *request)
{
  struct encoded encoded;
  encode(&request->tag, &encoded);
  size_t size = sizeof(struct claim) + encoded.size;
  if (!account_charge(claims->account, size))
    return NULL;
  struct claim *claim = malloc(size);
  if (claim) {
    *claim = (struct claim){.kind = request->tag.kind, .tree = request->tag.tree, .is_prefix = request->is_prefix,
                            .tag_size = encoded.size};
    memcpy(claim->tag, encoded.bytes, encoded.size);
    if (!claim->is_prefix || prefix_add(claims, claim)) {
      if (map_put(&claims->map, claim_bytes(claim), claim))
        return claim;
      if (claim->is_prefix)
        prefix_remove(claims, claim);
    }
  }
  free(claim);
  account_release(claims->account, size);
  return NULL;
}

static void forget_if_unused(struct claims *claims, struct claim *claim)
{
  if (claim->holds || claim->first_waiting)
    return;
  if (claim->is_prefix)
    prefix_remove(claims, claim);
  map_remove(&claims->map, claim_bytes(claim));
  account_release(claims->account, claim_size(claim));
  free(claim);
}

// --- Holding ----------------------------------------------------------------------------------------------------

static struct hold *hold_new(struct claims *claims, struct claim *claim, struct claimant *claimant, enum claim_mode mode,
                             bool is_session)
{
  if (!account_charge(claims->account, sizeof(struct hold)))
    return NULL;
  struct hold *hold = malloc(sizeof *hold);
  if (!hold) {
    account_release(claims->account, sizeof *hold);
    return NULL;
  }
  *hold = (struct hold){.claim = claim, .claimant = claimant, .mode = mode, .is_session = is_session, .count = 1};
  return hold;
}

static void hold_free(struct claims *claims, struct hold *hold)
{
  free(hold);
  account_release(claims->account, sizeof *hold);
}

static void hold_link(struct claims *claims, struct hold *hold)
{
  hold->since = claims->now;
  struct claim *claim = hold->claim;
  struct claimant *claimant = hold->claimant;
  hold->next = claim->holds;
  if (claim->holds)
    claim->holds->previous = hold;
  claim->holds = hold;
  hold->next_own = claimant->holds;
  if (claimant->holds)
    claimant->holds->previous_own = hold;
  claimant->holds = hold;
  claimant->hold_count++;
  claims->table_claims += bars_writers(hold);
}

static void hold_unlink(struct claims *claims, struct hold *hold)
{
  struct claimant *claimant = hold->claimant;
  *(hold->previous ? &hold->previous->next : &hold->claim->holds) = hold->next;
  if (hold->next)
    hold->next->previous = hold->previous;
  *(hold->previous_own ? &hold->previous_own->next_own : &claimant->holds) = hold->next_own;
  if (hold->next_own)
    hold->next_own->previous_own = hold->previous_own;
  claimant->hold_count--;
  claims->table_claims -= bars_writers(hold);
  if (hold->claim->kind == CLAIM_ON_TABLE && claimant->shared_table == hold->claim->tree)
    claimant->shared_table = 0;
}

// Does it keep the claimant from this mode? NULL: it keeps everybody.
static bool is_barrier(const struct hold *hold, const struct claimant *claimant, enum claim_mode mode)
{
  return hold->claimant != claimant && modes_conflict(mode, hold->mode) &&
         !(hold->is_soft && claimant && claimant->is_source);
}

// The first that keeps the claimant from this mode.
static struct hold *find_barrier(const struct claim *claim, const struct claimant *claimant, enum claim_mode mode)
{
  for (struct hold *hold = claim->holds; hold; hold = hold->next)
    if (is_barrier(hold, claimant, mode))
      return hold;
  return NULL;
}

// The same for an atom, which passes over what others hold that are to be tried again.
static struct hold *find_barrier_of(const struct claim *claim, const struct claimant *claimant, enum claim_mode mode,
                                    bool is_one_shot)
{
  struct hold *hold = find_barrier(claim, claimant, mode);
  while (is_one_shot && hold && (hold->is_one_shot || !is_barrier(hold, claimant, mode)))
    hold = hold->next;
  return hold;
}

// What the claimant holds already and is at least as much.
static struct hold *find_own(const struct claim *claim, const struct claimant *claimant, enum claim_mode mode, bool is_session)
{
  for (struct hold *hold = claim->holds; hold; hold = hold->next) {
    bool is_enough = hold->mode == mode || (claim->kind == CLAIM_ON_ROW && hold->mode > mode);
    if (hold->claimant == claimant && hold->is_session == is_session && is_enough)
      return hold;
  }
  return NULL;
}

// --- Waiting ----------------------------------------------------------------------------------------------------

static void enqueue(struct claims *claims, struct claim *claim, struct claimant *claimant, enum claim_mode mode,
                    struct hold *wanted)
{
  CHECK(!claimant->waits_for && !claimant->is_ready);
  claimant->waits_for = claim;
  claimant->wanted_mode = mode;
  claimant->wanted = wanted;
  claimant->next_waiting = NULL;
  if (claim->last_waiting)
    claim->last_waiting->next_waiting = claimant;
  else
    claim->first_waiting = claimant;
  claim->last_waiting = claimant;
  claims->counts.waits++;
}

static void dequeue(struct claimant *claimant)
{
  struct claim *claim = claimant->waits_for;
  struct claimant *before = NULL;
  for (struct claimant *at = claim->first_waiting; at != claimant; at = at->next_waiting)
    before = at;
  *(before ? &before->next_waiting : &claim->first_waiting) = claimant->next_waiting;
  if (claim->last_waiting == claimant)
    claim->last_waiting = before;
  claimant->waits_for = NULL;
  claimant->next_waiting = NULL;
}

void claims_make_ready(struct claims *claims, struct claimant *claimant)
{
  claimant->is_ready = true;
  claimant->next_ready = NULL;
  if (claims->last_ready)
    claims->last_ready->next_ready = claimant;
  else
    claims->first_ready = claimant;
  claims->last_ready = claimant;
}

// Who holds some of a claim and asks for more does not stand behind those who wait for it: each would wait for the other.
static bool goes_first(const struct claim *claim, const struct claimant *claimant)
{
  const struct hold *hold = claim->holds;
  while (hold && hold->claimant != claimant)
    hold = hold->next;
  return hold;
}

// Does somebody before it in the queue want what it may not have beside that?
static bool has_rival_before(const struct claim *claim, const struct claimant *claimant, enum claim_mode mode,
                             bool is_one_shot)
{
  if (goes_first(claim, claimant))
    return false;
  for (const struct claimant *at = claim->first_waiting; at && at != claimant; at = at->next_waiting)
    if (modes_conflict(mode, at->wanted_mode) && !(is_one_shot && at->wanted->is_one_shot))
      return true;
  return false;
}

// Serves those who wait, in their order.
static void serve(struct claims *claims, struct claim *claim)
{
  struct claimant *next;
  for (struct claimant *claimant = claim->first_waiting; claimant; claimant = next) {
    next = claimant->next_waiting;
    enum claim_mode mode = claimant->wanted_mode;
    if (find_barrier(claim, claimant, mode) || has_rival_before(claim, claimant, mode, false))
      continue;
    dequeue(claimant);
    hold_link(claims, claimant->wanted);
    claimant->wanted = NULL;
    claims_make_ready(claims, claimant);
  }
  forget_if_unused(claims, claim);
}

// --- Deadlocks --------------------------------------------------------------------------------------------------

// The share of a table that a row's claim brings along is nothing as long as there is no such row.
static bool holds_nothing(const struct claimant *claimant)
{
  const struct hold *hold = claimant->holds;
  return claimant->hold_count == 0 ||
         (claimant->hold_count == 1 && hold->claim->kind == CLAIM_ON_TABLE && hold->mode == CLAIM_TABLE_ROW_SHARE &&
          hold->claim->tree == claimant->shared_table);
}

// Which of two gives way: who holds nothing, for it loses nothing but its place in the queue; else the younger.
static struct claimant *better_victim(struct claimant *a, struct claimant *b)
{
  if (holds_nothing(a) != holds_nothing(b))
    return holds_nothing(a) ? a : b;
  return a->age > b->age ? a : b;
}

static struct claimant *follow(struct claims *claims, struct claimant *origin, struct claimant *at);

static struct claimant *follow_to(struct claims *claims, struct claimant *origin, struct claimant *at, struct claimant *next)
{
  if (next == origin)
    return at;
  if (!next->waits_for || next->stamp == claims->stamp)
    return NULL;
  next->stamp = claims->stamp;
  struct claimant *found = follow(claims, origin, next);
  return found ? better_victim(found, at) : NULL;
}

// Who is to give way of those on a way from `at` back to the origin; NULL: there is none.
static struct claimant *follow(struct claims *claims, struct claimant *origin, struct claimant *at)
{
  const struct claim *claim = at->waits_for;
  struct claimant *found;
  for (struct hold *hold = claim->holds; hold; hold = hold->next)
    if (is_barrier(hold, at, at->wanted_mode) && (found = follow_to(claims, origin, at, hold->claimant))) {
      if (hold->is_soft)
        claims->soft_barrier = hold;
      if (at->wanted->is_soft)
        claims->soft_waiting = at;
      return found;
    }
  struct claimant *other = goes_first(claim, at) ? at : claim->first_waiting;
  for (; other != at; other = other->next_waiting)
    if (modes_conflict(at->wanted_mode, other->wanted_mode) &&
        (found = follow_to(claims, origin, at, other))) {
      if (at->wanted->is_soft)
        claims->soft_waiting = at;
      return found;
    }
  return NULL;
}

int claim_deadlock(struct error *error)
{
  int status = error_set(error, SQLSTATE_DEADLOCK_DETECTED, "deadlock detected");
  error_detail(error, "Transactions wait for each other's claims in a circle; this one, the youngest of them, gives way.");
  error_hint(error, "Run the transaction again.");
  return status;
}

static void give(struct claims *claims, struct hold *hold);

static void break_soft(struct claims *claims, struct hold *hold)
{
  claims->counts.broken++;
  hold->claimant->is_broken = true;
  give(claims, hold);
}

static void give_up(struct claims *claims, struct claimant *claimant)
{
  claim_cancel(claims, claimant);
  claimant->has_given_up = true;
  claims_make_ready(claims, claimant);
}

// Undoes a circle at the cost of a soft claim. False: there is none in it.
static bool resolve_softly(struct claims *claims)
{
  if (claims->soft_waiting)
    give_up(claims, claims->soft_waiting);
  else if (claims->soft_barrier)
    break_soft(claims, claims->soft_barrier);
  else
    return false;
  return true;
}

// The claimant has just begun to wait: breaks each circle that this closed. 40P01 if it is the one to give way.
static int resolve_deadlocks(struct claims *claims, struct claimant *claimant, struct error *error)
{
  for (;;) {
    claims->stamp++;
    claims->soft_barrier = NULL;
    claims->soft_waiting = NULL;
    struct claimant *victim = claimant->waits_for ? follow(claims, claimant, claimant) : NULL;
    if (!victim)
      return STATUS_WAIT;
    if (resolve_softly(claims))
      continue;
    bool fails = !holds_nothing(victim); // else it tries again, behind the others
    claims->counts.deadlocks += fails;
    claim_cancel(claims, victim);
    if (!fails)
      claims_let_go(claims, victim, false);
    if (victim == claimant && fails)
      return claim_deadlock(error);
    victim->is_victim = fails;
    claims_make_ready(claims, victim);
  }
}

// --- For others --------------------------------------------------------------------------------------------------

void claims_init(struct claims *claims, struct memory_account *account)
{
  *claims = (struct claims){.account = account};
}

void claims_deinit(struct claims *claims)
{
  CHECK(claims->map.count == 0);
  map_deinit(&claims->map);
  map_deinit(&claims->prefixes);
}

static int wait_for(struct claims *claims, struct claim *claim, struct claimant *claimant,
                    const struct claim_request *request, struct error *error)
{
  struct hold *hold = hold_new(claims, claim, claimant, request->mode, false);
  if (!hold)
    return error_memory(error);
  hold->is_reserved = request->is_session;
  hold->is_one_shot = request->is_one_shot;
  hold->is_soft = request->is_soft;
  if (request->is_one_shot)
    claims_let_go(claims, claimant, false);
  enqueue(claims, claim, claimant, request->mode, hold);
  return resolve_deadlocks(claims, claimant, error);
}

// What was granted after a wait becomes what was asked for.
static bool take_reserved(const struct claim *claim, const struct claimant *claimant, const struct claim_request *request)
{
  if (!request->is_session)
    return false;
  struct hold *hold = claim->holds;
  while (hold && !(hold->claimant == claimant && hold->is_reserved && hold->mode == request->mode))
    hold = hold->next;
  if (hold) {
    hold->is_session = true;
    hold->is_reserved = hold->is_one_shot = false;
  }
  return hold;
}

// Who would not wait does not stand back for what is soft. Gives the claim, if it is still there.
static struct claim *brush_aside(struct claims *claims, struct claimant *claimant, const struct claim_request *request)
{
  struct claim *claim;
  for (;;) {
    claim = find(claims, &request->tag);
    struct hold *hold = claim ? claim->holds : NULL;
    while (hold && !(hold->is_soft && is_barrier(hold, claimant, request->mode)))
      hold = hold->next;
    struct claimant *waiting = claim ? claim->first_waiting : NULL;
    while (waiting && !waiting->wanted->is_soft)
      waiting = waiting->next_waiting;
    if (hold)
      break_soft(claims, hold);
    else if (waiting)
      give_up(claims, waiting);
    else
      return claim;
  }
}

static int take(struct claims *claims, struct claimant *claimant, const struct claim_request *request, struct error *error)
{
  struct claim *claim = find(claims, &request->tag);
  struct hold *own = claim ? find_own(claim, claimant, request->mode, request->is_session) : NULL;
  if (own) {
    own->count += !request->is_one_shot;
    own->is_one_shot &= request->is_one_shot;
    own->is_soft &= request->is_soft;
    return 0;
  }
  if (claim && take_reserved(claim, claimant, request))
    return 0;
  enum claim_mode mode = request->mode;
  bool is_one_shot = request->is_one_shot;
  if (claim && request->wait != CLAIM_OR_WAIT)
    claim = brush_aside(claims, claimant, request);
  bool is_free = !claim || (!find_barrier_of(claim, claimant, mode, is_one_shot) &&
                            !has_rival_before(claim, claimant, mode, is_one_shot));
  if (is_free && request->is_one_shot)
    return 0;
  if (!is_free && request->wait != CLAIM_OR_WAIT)
    return request->wait == CLAIM_OR_SKIP ? CLAIM_SKIPPED : CLAIM_REFUSED;
  if (!claim && !(claim = claim_new(claims, request)))
    return error_memory(error);
  if (!is_free)
    return wait_for(claims, claim, claimant, request, error);
  struct hold *hold = hold_new(claims, claim, claimant, request->mode, request->is_session);
  if (!hold) {
    forget_if_unused(claims, claim);
    return error_memory(error);
  }
  hold->is_soft = request->is_soft;
  hold_link(claims, hold);
  return 0;
}

int claim_take(struct claims *claims, struct claimant *claimant, const struct claim_request *request, struct error *error)
{
  if (request->tag.kind == CLAIM_ON_ROW && !request->is_prefix && claimant->shared_table != request->tag.tree) {
    struct claim_request table = {.tag = {.kind = CLAIM_ON_TABLE, .tree = request->tag.tree},
                                  .mode = CLAIM_TABLE_ROW_SHARE, .wait = request->wait,
                                  .is_one_shot = request->is_one_shot, .is_soft = request->is_soft};
    int status = take(claims, claimant, &table, error);
    if (status)
      return status;
    if (!request->is_one_shot && !request->is_soft)
      claimant->shared_table = request->tag.tree;
  }
  return take(claims, claimant, request, error);
}

static void give(struct claims *claims, struct hold *hold)
{
  struct claim *claim = hold->claim;
  hold_unlink(claims, hold);
  hold_free(claims, hold);
  serve(claims, claim);
}

bool claim_give(struct claims *claims, struct claimant *claimant, const struct claim_request *request)
{
  struct claim *claim = find(claims, &request->tag);
  struct hold *hold = claim ? claim->holds : NULL;
  while (hold && !(hold->claimant == claimant && hold->mode == request->mode && hold->is_session == request->is_session))
    hold = hold->next;
  if (!hold)
    return false;
  if (--hold->count == 0)
    give(claims, hold);
  return true;
}

void claims_give_numbers(struct claims *claims, struct claimant *claimant)
{
  struct hold *next;
  for (struct hold *hold = claimant->holds; hold; hold = next) {
    next = hold->next_own;
    if (hold->claim->kind == CLAIM_ON_NUMBER && hold->is_session)
      give(claims, hold);
  }
}

void claim_cancel(struct claims *claims, struct claimant *claimant)
{
  struct claim *claim = claimant->waits_for;
  if (!claim)
    return;
  dequeue(claimant);
  hold_free(claims, claimant->wanted);
  claimant->wanted = NULL;
  serve(claims, claim); // whoever stood behind it may go now
}

static void leave_ready(struct claims *claims, struct claimant *claimant)
{
  struct claimant *before = NULL;
  for (struct claimant *at = claims->first_ready; at != claimant; at = at->next_ready)
    before = at;
  *(before ? &before->next_ready : &claims->first_ready) = claimant->next_ready;
  if (claims->last_ready == claimant)
    claims->last_ready = before;
  claimant->is_ready = false;
}

void claims_let_go(struct claims *claims, struct claimant *claimant, bool of_session)
{
  struct hold *next;
  for (struct hold *hold = claimant->holds; hold; hold = next) {
    next = hold->next_own;
    if (of_session || !hold->is_session)
      give(claims, hold);
  }
  claimant->shared_table = 0;
}

void claims_release(struct claims *claims, struct claimant *claimant, bool of_session)
{
  claim_cancel(claims, claimant);
  if (claimant->is_ready)
    leave_ready(claims, claimant);
  claimant->is_victim = claimant->is_broken = claimant->has_given_up = false;
  claims_let_go(claims, claimant, of_session);
}

bool claim_waits_softly(const struct claimant *claimant)
{
  const struct claim *claim = claimant->waits_for;
  if (!claim)
    return false;
  for (const struct hold *hold = claim->holds; hold; hold = hold->next)
    if (hold->is_soft && is_barrier(hold, claimant, claimant->wanted_mode))
      return true;
  for (const struct claimant *at = claim->first_waiting; at != claimant; at = at->next_waiting)
    if (at->wanted->is_soft)
      return true;
  return claimant->wanted->is_soft;
}

void claim_lose_patience(struct claims *claims, struct claimant *claimant, bool gives_up)
{
  const struct claim *claim = claimant->waits_for;
  struct hold *next;
  for (struct hold *hold = claim ? claim->holds : NULL; hold && claimant->waits_for; hold = next) {
    next = hold->next;
    if (hold->is_soft && is_barrier(hold, claimant, claimant->wanted_mode) &&
        claims->now - hold->since >= LIMIT_SOFT_HOLD_MS * 1000)
      break_soft(claims, hold);
  }
  if (claimant->waits_for && gives_up && claimant->wanted->is_soft)
    give_up(claims, claimant);
}

struct claimant *claims_next_ready(struct claims *claims)
{
  struct claimant *claimant = claims->first_ready;
  if (claimant)
    leave_ready(claims, claimant);
  return claimant;
}

// --- Changes against claims --------------------------------------------------------------------------------------

// A claim that a change touches, and how.
struct touch {
  bool is_one_shot; // whose change it is
  struct claim *claim;
  struct hold *barrier;
  enum claim_mode mode;
};

static bool touches(const struct claims *claims, const struct claimant *claimant, const struct claim_tag *tag,
                    enum claim_mode mode, struct touch *touch)
{
  touch->claim = find(claims, tag);
  touch->barrier = touch->claim ? find_barrier_of(touch->claim, claimant, mode, touch->is_one_shot) : NULL;
  touch->mode = mode;
  return touch->barrier;
}

static bool touches_prefix(const struct claims *claims, const struct claimant *claimant, const struct change *change,
                           struct touch *touch)
{
  size_t at = 0;
  struct map_entry *entry;
  while ((entry = map_next(&claims->prefixes, &at))) {
    const struct prefix *prefix = entry->value;
    if (prefix->tree != change->tree || prefix->size > change->key.size)
      continue;
    struct claim_tag tag = {CLAIM_ON_ROW, change->tree, bytes_of(change->key.data, prefix->size)};
    if (touches(claims, claimant, &tag, CLAIM_UPDATE, touch))
      return true;
  }
  return false;
}

static bool touches_change(const struct claims *claims, const struct claimant *claimant, const struct change *change,
                           struct touch *touch)
{
  struct claim_tag table = {.kind = CLAIM_ON_TABLE, .tree = change->tree};
  if (change->flags & (CHANGE_FILLED | CHANGE_DROPPED))
    return touches(claims, claimant, &table, CLAIM_TABLE_ACCESS_EXCLUSIVE, touch);
  if (change->flags & CHANGE_DERIVED)
    return claims->prefixes.count && touches_prefix(claims, claimant, change, touch);
  if (claims->table_claims && touches(claims, claimant, &table, CLAIM_TABLE_ROW_EXCLUSIVE, touch))
    return true;
  struct claim_tag row = {CLAIM_ON_ROW, change->tree, change->key};
  bool stays = change->has_old && change->has_new;
  return touches(claims, claimant, &row, stays ? CLAIM_NO_KEY_UPDATE : CLAIM_UPDATE, touch);
}

int claims_pass(struct claims *claims, struct claimant *claimant, bool is_one_shot, const struct change_list *changes,
                struct error *error)
{
  size_t at = 0;
  struct change change;
  struct touch touch = {.is_one_shot = is_one_shot};
  while (claims->map.count && change_next(changes, &at, &change))
    if (touches_change(claims, claimant, &change, &touch)) {
      struct claim_request request = {.mode = touch.mode, .is_one_shot = is_one_shot};
      return wait_for(claims, touch.claim, claimant, &request, error);
    }
  return 0;
}

void claims_break(struct claims *claims, const struct change_list *changes)
{
  size_t at = 0;
  struct change change;
  struct touch touch = {.is_one_shot = false};
  while (claims->map.count && change_next(changes, &at, &change))
    while (touches_change(claims, NULL, &change, &touch)) {
      claims->counts.broken++;
      touch.barrier->claimant->is_broken = true;
      give(claims, touch.barrier);
    }
}

// --- Looking -----------------------------------------------------------------------------------------------------

static struct claim_tag claim_tag(const struct claim *claim)
{
  return (struct claim_tag){claim->kind, claim->tree, bytes_of(claim->tag + TAG_HEAD, claim->tag_size - TAG_HEAD)};
}

bool claims_next(const struct claims *claims, struct claim_walk *walk, struct claim_view *view)
{
  while (!walk->hold && !walk->waiting) {
    struct map_entry *entry = map_next(&claims->map, &walk->at);
    if (!entry)
      return false;
    walk->claim = entry->value;
    walk->hold = walk->claim->holds;
    walk->waiting = walk->claim->first_waiting;
  }
  if (walk->hold) {
    *view = (struct claim_view){claim_tag(walk->claim), walk->hold->mode, walk->hold->claimant, true};
    walk->hold = walk->hold->next;
  } else {
    *view = (struct claim_view){claim_tag(walk->claim), walk->waiting->wanted_mode, walk->waiting, false};
    walk->waiting = walk->waiting->next_waiting;
  }
  return true;
}

bool claim_awaited(const struct claimant *claimant, struct claim_tag *tag)
{
  if (claimant->waits_for)
    *tag = claim_tag(claimant->waits_for);
  return claimant->waits_for;
}

const struct claimant *claim_blocker(const struct claimant *claimant)
{
  const struct hold *barrier =
    claimant->waits_for ? find_barrier(claimant->waits_for, claimant, claimant->wanted_mode) : NULL;
  return barrier ? barrier->claimant : NULL;
}
