--
-- PostgreSQL database dump
--



SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: queue_events(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.queue_events() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN INSERT INTO unsequenced (event_seq) VALUES (NEW.seq); RETURN NULL; END $$;


--
-- Name: queue_ledger_entries(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.queue_ledger_entries() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN INSERT INTO unsequenced (entry_id) VALUES (NEW.id); RETURN NULL; END $$;


--
-- Name: refuse_change(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN RAISE EXCEPTION '%: the past does not change', TG_TABLE_NAME; END $$;


--
-- Name: refuse_forgetting(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.refuse_forgetting() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN IF NOT EXISTS (SELECT 1 FROM sequenced_events WHERE event_seq = OLD.event_seq) AND NOT EXISTS (SELECT 1 FROM sequenced_entries WHERE entry_id = OLD.entry_id)
THEN RAISE EXCEPTION 'unsequenced: what has no number is not forgotten'; END IF; RETURN OLD; END $$;


--
-- Name: tell_alarms(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.tell_alarms() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN INSERT INTO events (kind, subject, vault_id, event, state, detail, created_at)
VALUES ('alarm', NEW.id, NEW.vault_id, CASE TG_OP WHEN 'INSERT' THEN 'create' ELSE 'change' END,
CASE WHEN NEW.cleared_at IS NULL THEN 'open' ELSE 'cleared' END, COALESCE(NEW.cleared_reason, NEW.message), CASE TG_OP WHEN 'INSERT' THEN NEW.created_at ELSE COALESCE(NEW.cleared_at, NEW.updated_at) END); RETURN NULL; END $$;


--
-- Name: tell_approvals(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.tell_approvals() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN INSERT INTO events (kind, subject, vault_id, event, state, detail, created_at)
VALUES ('approval', NEW.id, (SELECT vault_id FROM transfers WHERE id = NEW.transfer_id), CASE TG_OP WHEN 'INSERT' THEN 'create' ELSE 'change' END,
NEW.verdict, NEW.approver, CASE TG_OP WHEN 'INSERT' THEN NEW.created_at ELSE clock_timestamp() END); RETURN NULL; END $$;


--
-- Name: tell_deposits(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.tell_deposits() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN INSERT INTO events (kind, subject, vault_id, event, state, detail, created_at)
VALUES ('deposit', NEW.id, NEW.vault_id, CASE TG_OP WHEN 'INSERT' THEN 'create' ELSE 'change' END,
NEW.state, NULL, CASE TG_OP WHEN 'INSERT' THEN NEW.created_at ELSE COALESCE(NEW.decided_at, clock_timestamp()) END); RETURN NULL; END $$;


--
-- Name: tell_vault_freezes(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.tell_vault_freezes() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN INSERT INTO events (kind, subject, vault_id, event, state, detail, created_at)
VALUES ('freeze', NEW.id, NEW.vault_id, CASE TG_OP WHEN 'INSERT' THEN 'create' ELSE 'change' END,
CASE WHEN NEW.ended_at IS NULL THEN 'open' ELSE 'ended' END, COALESCE(NEW.ended_reason, NEW.reason), CASE TG_OP WHEN 'INSERT' THEN NEW.created_at ELSE NEW.ended_at END); RETURN NULL; END $$;


SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: addresses; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.addresses (
    seq integer NOT NULL,
    id character varying NOT NULL,
    vault_id character varying NOT NULL,
    network character varying NOT NULL,
    address character varying NOT NULL,
    address_type character varying NOT NULL,
    change boolean NOT NULL,
    "position" integer NOT NULL,
    path character varying NOT NULL,
    public_key bytea NOT NULL,
    label character varying,
    created_at timestamp with time zone NOT NULL
);


--
-- Name: addresses_seq_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.addresses_seq_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: addresses_seq_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.addresses_seq_seq OWNED BY public.addresses.seq;


--
-- Name: alarms; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.alarms (
    id character varying NOT NULL,
    code character varying NOT NULL,
    network character varying,
    vault_id character varying,
    message character varying NOT NULL,
    open_key character varying,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    cleared_at timestamp with time zone,
    cleared_by character varying,
    cleared_reason character varying
);


--
-- Name: alembic_version; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);


--
-- Name: api_keys; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.api_keys (
    id character varying NOT NULL,
    name character varying NOT NULL,
    initiator character varying NOT NULL,
    digest bytea NOT NULL,
    scopes character varying NOT NULL,
    client_id character varying,
    created_at timestamp with time zone NOT NULL,
    revoked_at timestamp with time zone
);


--
-- Name: approvals; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.approvals (
    id character varying NOT NULL,
    transfer_id character varying NOT NULL,
    mandate_digest bytea NOT NULL,
    approver character varying NOT NULL,
    verdict character varying NOT NULL,
    signature bytea NOT NULL,
    created_at timestamp with time zone NOT NULL
);


--
-- Name: blocks; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.blocks (
    network character varying NOT NULL,
    height bigint NOT NULL,
    hash character varying NOT NULL,
    "timestamp" integer NOT NULL,
    connected_at timestamp with time zone NOT NULL
);


--
-- Name: claim_holders; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.claim_holders (
    key character varying NOT NULL,
    transaction_id character varying NOT NULL,
    excludes character varying NOT NULL
);


--
-- Name: claims; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.claims (
    key character varying NOT NULL,
    network character varying NOT NULL,
    created_at timestamp with time zone NOT NULL
);


--
-- Name: clients; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.clients (
    id character varying NOT NULL,
    name character varying NOT NULL,
    created_at timestamp with time zone NOT NULL
);


--
-- Name: coins; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.coins (
    network character varying NOT NULL,
    txid character varying NOT NULL,
    "position" integer NOT NULL,
    vault_id character varying NOT NULL,
    address_id character varying NOT NULL,
    amount numeric(78,0) NOT NULL,
    own_change boolean NOT NULL,
    block_height bigint NOT NULL,
    mature_height bigint NOT NULL,
    spent_height bigint
);


--
-- Name: consumptions; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.consumptions (
    network character varying NOT NULL,
    key character varying NOT NULL,
    txid character varying NOT NULL,
    block_height bigint NOT NULL
);


--
-- Name: deposits; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.deposits (
    id character varying NOT NULL,
    network character varying NOT NULL,
    asset character varying NOT NULL,
    client_id character varying NOT NULL,
    vault_id character varying NOT NULL,
    address_id character varying NOT NULL,
    txid character varying NOT NULL,
    place character varying NOT NULL,
    amount numeric(78,0) NOT NULL,
    state character varying NOT NULL,
    block_height bigint NOT NULL,
    block_hash character varying NOT NULL,
    final_height bigint NOT NULL,
    reservation_id character varying NOT NULL,
    created_at timestamp with time zone NOT NULL,
    decided_at timestamp with time zone
);


--
-- Name: events; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.events (
    seq bigint NOT NULL,
    kind character varying NOT NULL,
    subject character varying NOT NULL,
    vault_id character varying,
    event character varying NOT NULL,
    state character varying NOT NULL,
    detail character varying,
    created_at timestamp with time zone NOT NULL
);


--
-- Name: events_seq_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.events_seq_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: events_seq_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.events_seq_seq OWNED BY public.events.seq;


--
-- Name: follow_states; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.follow_states (
    network character varying NOT NULL,
    position_height bigint,
    position_hash character varying,
    tip_height bigint,
    tip_hash character varying,
    node_unavailable_since timestamp with time zone,
    checked_at timestamp with time zone,
    moved_at timestamp with time zone,
    at_tip_at timestamp with time zone,
    started_at timestamp with time zone,
    failure_code character varying,
    failure_message character varying,
    failure_since timestamp with time zone,
    failure_height bigint,
    failure_attempts integer NOT NULL,
    internal_credits character varying NOT NULL
);


--
-- Name: followers; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.followers (
    network character varying NOT NULL,
    coins_version character varying,
    final_height bigint,
    final_by character varying
);


--
-- Name: foreign_debits; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.foreign_debits (
    id character varying NOT NULL,
    network character varying NOT NULL,
    asset character varying NOT NULL,
    client_id character varying NOT NULL,
    vault_id character varying NOT NULL,
    address character varying NOT NULL,
    txid character varying NOT NULL,
    place character varying NOT NULL,
    amount numeric(78,0) NOT NULL,
    account character varying NOT NULL,
    verdict character varying NOT NULL,
    explained_by character varying,
    state character varying NOT NULL,
    block_height bigint NOT NULL,
    block_hash character varying NOT NULL,
    final_height bigint NOT NULL,
    owed numeric(78,0) NOT NULL,
    reservation_id character varying,
    owed_reservation_id character varying,
    created_at timestamp with time zone NOT NULL,
    decided_at timestamp with time zone
);


--
-- Name: idempotency; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.idempotency (
    scope character varying NOT NULL,
    key character varying NOT NULL,
    request_hash bytea NOT NULL,
    status integer NOT NULL,
    response bytea NOT NULL,
    created_at timestamp with time zone NOT NULL
);


--
-- Name: leases; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.leases (
    name character varying NOT NULL,
    holder character varying NOT NULL,
    epoch integer NOT NULL,
    since timestamp with time zone NOT NULL,
    until timestamp with time zone NOT NULL
);


--
-- Name: ledger_accounts; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.ledger_accounts (
    id character varying NOT NULL,
    vault_id character varying,
    asset character varying NOT NULL,
    kind character varying NOT NULL,
    debits_posted numeric(78,0) NOT NULL,
    credits_posted numeric(78,0) NOT NULL,
    debits_pending numeric(78,0) NOT NULL,
    credits_pending numeric(78,0) NOT NULL
);


--
-- Name: ledger_entries; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.ledger_entries (
    id character varying NOT NULL,
    kind character varying NOT NULL,
    debit_account character varying NOT NULL,
    credit_account character varying NOT NULL,
    asset character varying NOT NULL,
    amount numeric(78,0) NOT NULL,
    pending_id character varying,
    subject character varying NOT NULL,
    reason character varying NOT NULL,
    created_at timestamp with time zone NOT NULL
);


--
-- Name: mandates; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.mandates (
    transfer_id character varying NOT NULL,
    version integer NOT NULL,
    document bytea NOT NULL,
    digest bytea NOT NULL,
    costs_max character varying NOT NULL,
    state character varying NOT NULL,
    offered_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    decided_at timestamp with time zone
);


--
-- Name: outbox; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.outbox (
    seq integer NOT NULL,
    kind character varying NOT NULL,
    subject character varying NOT NULL,
    network character varying NOT NULL,
    claim character varying,
    held_since timestamp with time zone,
    held_until timestamp with time zone,
    attempts integer NOT NULL,
    last_error character varying,
    created_at timestamp with time zone NOT NULL
);


--
-- Name: outbox_seq_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.outbox_seq_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: outbox_seq_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.outbox_seq_seq OWNED BY public.outbox.seq;


--
-- Name: passes; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.passes (
    id character varying NOT NULL,
    network character varying NOT NULL,
    first_height bigint NOT NULL,
    last_height bigint NOT NULL,
    failure character varying NOT NULL,
    reason character varying NOT NULL,
    passed_by character varying NOT NULL,
    created_at timestamp with time zone NOT NULL
);


--
-- Name: policy_versions; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.policy_versions (
    digest bytea NOT NULL,
    version integer NOT NULL,
    document bytea NOT NULL,
    signatures bytea NOT NULL,
    in_force_at timestamp with time zone NOT NULL,
    first_seen timestamp with time zone NOT NULL
);


--
-- Name: readings; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.readings (
    network character varying NOT NULL,
    first_height bigint NOT NULL,
    last_height bigint NOT NULL,
    reading character varying NOT NULL,
    created_at timestamp with time zone NOT NULL
);


--
-- Name: reconciled; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.reconciled (
    vault_id character varying NOT NULL,
    asset character varying NOT NULL,
    network character varying NOT NULL,
    height bigint,
    ledger numeric(78,0),
    chain numeric(78,0),
    verdict character varying NOT NULL,
    reason character varying NOT NULL,
    accepted numeric(78,0) NOT NULL,
    compared_at timestamp with time zone NOT NULL,
    concluded_at timestamp with time zone NOT NULL
);


--
-- Name: reservations; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.reservations (
    transfer_id character varying NOT NULL,
    mandate_version integer NOT NULL,
    asset character varying NOT NULL,
    kind character varying NOT NULL,
    amount numeric(78,0) NOT NULL,
    entry_id character varying NOT NULL,
    spent numeric(78,0)
);


--
-- Name: sequenced_entries; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.sequenced_entries (
    "position" bigint NOT NULL,
    client_id character varying,
    sequence bigint,
    entry_id character varying NOT NULL,
    mark character varying NOT NULL
);


--
-- Name: sequenced_events; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.sequenced_events (
    "position" bigint NOT NULL,
    client_id character varying,
    sequence bigint,
    event_seq bigint NOT NULL,
    mark character varying NOT NULL
);


--
-- Name: sightings; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.sightings (
    network character varying NOT NULL,
    txid character varying NOT NULL,
    block_height bigint NOT NULL,
    block_hash character varying NOT NULL,
    failure character varying,
    costs character varying NOT NULL
);


--
-- Name: signer_checkpoints; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.signer_checkpoints (
    origin character varying NOT NULL,
    log_key bytea NOT NULL,
    note character varying NOT NULL,
    contradiction character varying,
    updated_at timestamp with time zone NOT NULL
);


--
-- Name: signer_journal; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.signer_journal (
    id integer NOT NULL,
    sequence integer NOT NULL,
    head bytea NOT NULL,
    closed_since timestamp with time zone,
    reason character varying
);


--
-- Name: spends; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.spends (
    account character varying NOT NULL,
    place integer NOT NULL,
    transfer_id character varying NOT NULL,
    ahead_amount numeric NOT NULL,
    ahead_count integer NOT NULL,
    taken_amount numeric NOT NULL,
    taken_count integer NOT NULL,
    taken_at timestamp with time zone,
    replaces integer,
    all_ahead_amount numeric NOT NULL,
    all_ahead_count integer NOT NULL,
    all_taken_amount numeric NOT NULL,
    all_taken_count integer NOT NULL,
    newest_at timestamp with time zone,
    replacements integer NOT NULL
);


--
-- Name: suspense_decisions; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.suspense_decisions (
    id character varying NOT NULL,
    vault_id character varying NOT NULL,
    asset character varying NOT NULL,
    amount numeric(78,0) NOT NULL,
    destination character varying NOT NULL,
    reason character varying NOT NULL,
    decided_by character varying NOT NULL,
    created_at timestamp with time zone NOT NULL
);


--
-- Name: transaction_transfers; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.transaction_transfers (
    transaction_id character varying NOT NULL,
    transfer_id character varying NOT NULL,
    mandate_version integer NOT NULL
);


--
-- Name: transactions; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.transactions (
    id character varying NOT NULL,
    network character varying NOT NULL,
    vault_id character varying NOT NULL,
    purpose character varying NOT NULL,
    replaces character varying,
    source character varying NOT NULL,
    state character varying NOT NULL,
    version integer NOT NULL,
    payload bytea,
    sender character varying,
    raw bytea,
    txid character varying,
    made_height bigint,
    block_height bigint,
    block_hash character varying,
    costs character varying,
    held character varying,
    refusal character varying,
    reason character varying,
    receipt bytea,
    receipt_sequence integer,
    receipt_head bytea,
    created_at timestamp with time zone NOT NULL,
    signed_at timestamp with time zone,
    broadcast_at timestamp with time zone,
    updated_at timestamp with time zone NOT NULL
);


--
-- Name: transfers; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.transfers (
    id character varying NOT NULL,
    ordinal character varying NOT NULL,
    client_id character varying NOT NULL,
    vault_id character varying NOT NULL,
    network character varying NOT NULL,
    asset character varying NOT NULL,
    destination character varying NOT NULL,
    memo character varying,
    amount numeric(78,0) NOT NULL,
    costs_max numeric(78,0) NOT NULL,
    note character varying,
    initiator character varying NOT NULL,
    retry_of character varying,
    state character varying NOT NULL,
    version integer NOT NULL,
    waiting character varying,
    reason character varying,
    requested_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL
);


--
-- Name: unsequenced; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.unsequenced (
    seq bigint NOT NULL,
    event_seq bigint,
    entry_id character varying
);


--
-- Name: unsequenced_seq_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.unsequenced_seq_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: unsequenced_seq_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.unsequenced_seq_seq OWNED BY public.unsequenced.seq;


--
-- Name: vault_freezes; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.vault_freezes (
    id character varying NOT NULL,
    vault_id character varying NOT NULL,
    reason character varying NOT NULL,
    open_key character varying,
    frozen_by character varying NOT NULL,
    created_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    ended_by character varying,
    ended_reason character varying,
    difference character varying
);


--
-- Name: vault_openings; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.vault_openings (
    vault_id character varying NOT NULL,
    client_id character varying NOT NULL,
    name character varying NOT NULL,
    created_at timestamp with time zone NOT NULL
);


--
-- Name: vaults; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.vaults (
    id character varying NOT NULL,
    client_id character varying NOT NULL,
    name character varying NOT NULL,
    account integer NOT NULL,
    opened_sequence integer,
    opened_head bytea,
    frozen_reason character varying,
    created_at timestamp with time zone NOT NULL
);


--
-- Name: addresses seq; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.addresses ALTER COLUMN seq SET DEFAULT nextval('public.addresses_seq_seq'::regclass);


--
-- Name: events seq; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.events ALTER COLUMN seq SET DEFAULT nextval('public.events_seq_seq'::regclass);


--
-- Name: outbox seq; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.outbox ALTER COLUMN seq SET DEFAULT nextval('public.outbox_seq_seq'::regclass);


--
-- Name: unsequenced seq; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.unsequenced ALTER COLUMN seq SET DEFAULT nextval('public.unsequenced_seq_seq'::regclass);


--
-- Data for Name: addresses; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.addresses VALUES (1, 'adr_01m8ed9qh4db3gxyhjc4mb4ggc', 'vlt_01m8ed9q96wy4m4z3psgpzkmzd', 'eip155:31337', '0xb8877d3bf99262e00aEb7EC4718b995A2B533dBF', 'evm', false, 0, 'm/44''/60''/0''/0/0', '\x02757db2c6304cfbf3ac33aebf4ea2dd05cda2b3f9c8350717bea081a9252f32b4', NULL, '2026-11-27 11:47:22.276895+00');


--
-- Data for Name: alarms; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.alarms VALUES ('alm_01m8ed9qjwanvbm48s10rvezjh', 'signer_warns', NULL, NULL, 'memory-not-locked: memory is not locked and may reach swap (set the memlock limit to unlimited)', 'signer_warns - -', '2026-11-27 11:47:22.222283+00', '2026-11-27 11:47:22.222283+00', NULL, NULL, NULL);
INSERT INTO public.alarms VALUES ('alm_01m8ed9xp9zpp6r0mdhf2sgmrg', 'reorg_too_deep', NULL, 'vlt_01m8ed9q96wy4m4z3psgpzkmzd', 'for a while', NULL, '2026-11-27 11:47:28.391619+00', '2026-11-27 11:47:28.391619+00', '2026-11-27 11:47:28.391619+00', 'custody', 'its cause is gone');


--
-- Data for Name: alembic_version; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.alembic_version VALUES ('0002');


--
-- Data for Name: api_keys; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.api_keys VALUES ('key_01m8ed9xkb56tr9c7ym5mxfj55', 'desk', 'robot', '\x0b5c21dadcc799d6a00f6b8a9e313bfd675f1b98abfaa4791eded723a48cea87', 'admin read transfer', NULL, '2026-11-27 11:47:28.391619+00', NULL);
INSERT INTO public.api_keys VALUES ('key_01m8ed9xkb56tr9cbvhp39a1cb', 'old', 'robot', '\x277648c9d931a330fc7db878f9e8b8120208417d83a1040d806e184428affaeb', 'admin read transfer', NULL, '2026-11-27 11:47:28.391619+00', '2026-11-27 11:47:28.391619+00');


--
-- Data for Name: approvals; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.approvals VALUES ('apr_01m8ed9seh487dqfqm90247vyz', 'tfr_1bszrfygnh0ebjzmpw7sygn170', '\x5b8dfd57051ccca04477b3a5f3be55f66f00d2e221aa78e611ea19d8df83bd34', 'ada', 'approve', '\x15a38f6b41d1eab5b7a7d2d63b6458069c728a18027baecb2a7c375e6ca1e7d38d094355bc10062c89364dd2f318ac77e46939ad25d922d17d108448a7e21d06', '2026-11-27 11:47:24.23649+00');
INSERT INTO public.approvals VALUES ('apr_01m8ed9skfpeyw0zsmvbhwz1dd', 'tfr_1bszrfygnh0ebjzmpw7sygn170', '\x5b8dfd57051ccca04477b3a5f3be55f66f00d2e221aa78e611ea19d8df83bd34', 'bob', 'approve', '\xdfc4e45522a0cd293b565790c37a9a0c0242dabc5408b90c3a219ae8c9e0e31614eee6305aa298eea094d456ec62fc51a1073cccd6b130e13d20ab4c4016be0a', '2026-11-27 11:47:24.391215+00');
INSERT INTO public.approvals VALUES ('apr_01m8ed9sqx2a4m8hpfe2z9ajk1', 'tfr_04zk09end7y5yv0e764zh9w15s', '\x01d9a9b2fb86028660ea38421cc765ebfff33191443a4ad9c7a425990ef95675', 'ada', 'reject', '\x8befbbddd51674d416633cc53ad36e7e104fd6082b3fc28bcaa41d8d0a0a70992ba83a2f194149dc6bcd499f8ad10bc303ae05442e0d805e237cdaa0a711f300', '2026-11-27 11:47:24.538432+00');


--
-- Data for Name: blocks; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.blocks VALUES ('eip155:31337', 0, '0xa6a6009d07bc22c0bf4f46e23dde86c5b93f454db84a5bb1b8fc06c0da37483a', 1795780039, '2026-11-27 11:47:22.419655+00');
INSERT INTO public.blocks VALUES ('eip155:31337', 1, '0xb735b6b1177f7e5d186a0e82a11fbf6f38c83b5ab4793bc20e11e48bec042c2f', 1795780039, '2026-11-27 11:47:22.419655+00');
INSERT INTO public.blocks VALUES ('eip155:31337', 2, '0xd9aa9a69cea27c4902aa3fdbd1d9dabf1b621b0c9d97e11759a3f538da3f16f6', 1795780041, '2026-11-27 11:47:22.419655+00');
INSERT INTO public.blocks VALUES ('eip155:31337', 3, '0x63777c9c66260e9cd74a2bffd2b1f563dfae334786be9a60bfab9a313a228ff7', 1795780042, '2026-11-27 11:47:22.938483+00');
INSERT INTO public.blocks VALUES ('eip155:31337', 4, '0xe8c5e8bc7c8e5fa894d08afe438d32ee5bae8a0dfe1815d8df694a5adb53fc40', 1795780043, '2026-11-27 11:47:23.472245+00');
INSERT INTO public.blocks VALUES ('eip155:31337', 5, '0x2b36ec846dd51acd1c8729c2edfb94c05de40101b2fdbd9fe848051329822f9a', 1795780043, '2026-11-27 11:47:23.925996+00');
INSERT INTO public.blocks VALUES ('eip155:31337', 6, '0x77b5e32324e20b161c03fef9cd854e54b9b209a124ca6b265bb34873b1d79d60', 1795780044, '2026-11-27 11:47:24.507258+00');
INSERT INTO public.blocks VALUES ('eip155:31337', 7, '0x055027e520d988684c7790dcee94d00d32da2ca5500d344245d8c19942819120', 1795780045, '2026-11-27 11:47:25.100846+00');
INSERT INTO public.blocks VALUES ('eip155:31337', 8, '0x382ba537d2c5c29344e4e1d041a2baf53b65b02d6685fc5983e62470c5687d43', 1795780045, '2026-11-27 11:47:25.517912+00');
INSERT INTO public.blocks VALUES ('eip155:31337', 9, '0x4af78f64dbb9dbadc5ef9a9dbeaeb1f33105834f5d0f20eb2ed2bc0ca5d16380', 1795780045, '2026-11-27 11:47:25.961133+00');
INSERT INTO public.blocks VALUES ('eip155:31337', 10, '0xfb87a2888994f93f6d910b886827833d8ec622a7f0b7de7c8c3c87bae3dff545', 1795780046, '2026-11-27 11:47:26.618443+00');
INSERT INTO public.blocks VALUES ('eip155:31337', 11, '0x3f95e19be0542826e2c84ee87644c5f25bc13d4bbdea8c2af31bf07c6c0ec96a', 1795780047, '2026-11-27 11:47:27.171531+00');
INSERT INTO public.blocks VALUES ('eip155:31337', 12, '0xc551e46153a7236fb6df4a6f5380d154e513be8d62ae28f9f146268b7976f958', 1795780047, '2026-11-27 11:47:27.72716+00');
INSERT INTO public.blocks VALUES ('eip155:31337', 13, '0xe6412f440451f451f9ae3bfc162895b91eec49ecda6328fb2c15eae111ffbb67', 1795780048, '2026-11-27 11:47:28.400798+00');


--
-- Data for Name: claim_holders; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.claim_holders VALUES ('eip155:31337/nonce:0xb8877d3bf99262e00aEb7EC4718b995A2B533dBF:0', 'txn_01m8ed9spha4m4wbskcn9jew6t', 'inclusion');
INSERT INTO public.claim_holders VALUES ('eip155:31337/nonce:0xb8877d3bf99262e00aEb7EC4718b995A2B533dBF:1', 'txn_01m8ed9tregk47w5t4d5cs3try', 'inclusion');


--
-- Data for Name: claims; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.claims VALUES ('key', 'network', '2026-01-01 00:00:00+00');


--
-- Data for Name: clients; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.clients VALUES ('cli_01m8ed9q6b22kj7k8scjmhpmnq', 'Example Ltd', '2026-11-27 11:47:21.932056+00');


--
-- Data for Name: coins; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.coins VALUES ('network', 'txid', 1, 'vlt_01m8ed9q96wy4m4z3psgpzkmzd', 'adr_01m8ed9qh4db3gxyhjc4mb4ggc', 1, true, 1, 1, 1);


--
-- Data for Name: consumptions; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.consumptions VALUES ('eip155:31337', 'eip155:31337/nonce:0xb8877d3bf99262e00aEb7EC4718b995A2B533dBF:0', '0xd9274341755a65daa1a96695b00213092df685eb806c2ef6f9f2173a4f8f66d1', 9);
INSERT INTO public.consumptions VALUES ('eip155:31337', 'eip155:31337/nonce:0xb8877d3bf99262e00aEb7EC4718b995A2B533dBF:1', '0xbaf01c297be91870c56d3e1947d0b6eb1bef70f77d425603bfb69ccd97d44001', 10);


--
-- Data for Name: deposits; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.deposits VALUES ('dep_01m8ed9r79wqq730w8mmh3ekt8', 'eip155:31337', 'eip155:31337/slip44:60', 'cli_01m8ed9q6b22kj7k8scjmhpmnq', 'vlt_01m8ed9q96wy4m4z3psgpzkmzd', 'adr_01m8ed9qh4db3gxyhjc4mb4ggc', '0x771b2fffd08377f7db563545bd80bd66a9def3f1267247bab791c22935ba91e2', 'call:', 100000000000000000000, 'credited', 3, '0x63777c9c66260e9cd74a2bffd2b1f563dfae334786be9a60bfab9a313a228ff7', 3, 'ent_01m8ed9r79wqq7313n8rz8r3qg', '2026-11-27 11:47:22.938483+00', '2026-11-27 11:47:23.925996+00');


--
-- Data for Name: events; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.events VALUES (1, 'alarm', 'alm_01m8ed9qjwanvbm48s10rvezjh', NULL, 'create', 'open', 'memory-not-locked: memory is not locked and may reach swap (set the memlock limit to unlimited)', '2026-11-27 11:47:22.222283+00');
INSERT INTO public.events VALUES (2, 'deposit', 'dep_01m8ed9r79wqq730w8mmh3ekt8', 'vlt_01m8ed9q96wy4m4z3psgpzkmzd', 'create', 'pending', NULL, '2026-11-27 11:47:22.938483+00');
INSERT INTO public.events VALUES (3, 'deposit', 'dep_01m8ed9r79wqq730w8mmh3ekt8', 'vlt_01m8ed9q96wy4m4z3psgpzkmzd', 'change', 'credited', NULL, '2026-11-27 11:47:23.925996+00');
INSERT INTO public.events VALUES (4, 'transfer', 'tfr_02rbwa6ey86mqw5jx8wkwwbm0p', 'vlt_01m8ed9q96wy4m4z3psgpzkmzd', 'accept', 'approved', NULL, '2026-11-27 11:47:24.004761+00');
INSERT INTO public.events VALUES (5, 'transfer', 'tfr_1bszrfygnh0ebjzmpw7sygn170', 'vlt_01m8ed9q96wy4m4z3psgpzkmzd', 'ask', 'awaiting_approval', NULL, '2026-11-27 11:47:24.096867+00');
INSERT INTO public.events VALUES (6, 'approval', 'apr_01m8ed9seh487dqfqm90247vyz', 'vlt_01m8ed9q96wy4m4z3psgpzkmzd', 'create', 'approve', 'ada', '2026-11-27 11:47:24.23649+00');
INSERT INTO public.events VALUES (7, 'transfer', 'tfr_1bszrfygnh0ebjzmpw7sygn170', 'vlt_01m8ed9q96wy4m4z3psgpzkmzd', 'accept', 'approved', NULL, '2026-11-27 11:47:24.391215+00');
INSERT INTO public.events VALUES (8, 'approval', 'apr_01m8ed9skfpeyw0zsmvbhwz1dd', 'vlt_01m8ed9q96wy4m4z3psgpzkmzd', 'create', 'approve', 'bob', '2026-11-27 11:47:24.391215+00');
INSERT INTO public.events VALUES (9, 'transfer', 'tfr_04zk09end7y5yv0e764zh9w15s', 'vlt_01m8ed9q96wy4m4z3psgpzkmzd', 'ask', 'awaiting_approval', NULL, '2026-11-27 11:47:24.486538+00');
INSERT INTO public.events VALUES (10, 'transfer', 'tfr_04zk09end7y5yv0e764zh9w15s', 'vlt_01m8ed9q96wy4m4z3psgpzkmzd', 'reject', 'rejected', 'by ada', '2026-11-27 11:47:24.538432+00');
INSERT INTO public.events VALUES (11, 'approval', 'apr_01m8ed9sqx2a4m8hpfe2z9ajk1', 'vlt_01m8ed9q96wy4m4z3psgpzkmzd', 'create', 'reject', 'ada', '2026-11-27 11:47:24.538432+00');
INSERT INTO public.events VALUES (12, 'transaction', 'txn_01m8ed9spha4m4wbskcn9jew6t', 'vlt_01m8ed9q96wy4m4z3psgpzkmzd', 'build', 'built', NULL, '2026-11-27 11:47:24.619532+00');
INSERT INTO public.events VALUES (13, 'transfer', 'tfr_02rbwa6ey86mqw5jx8wkwwbm0p', 'vlt_01m8ed9q96wy4m4z3psgpzkmzd', 'launch', 'in_flight', NULL, '2026-11-27 11:47:24.619532+00');
INSERT INTO public.events VALUES (14, 'transfer', 'tfr_1zvzp25tr6f9rt8zedzzh1ntpk', 'vlt_01m8ed9q96wy4m4z3psgpzkmzd', 'ask', 'awaiting_approval', NULL, '2026-11-27 11:47:25.079616+00');
INSERT INTO public.events VALUES (15, 'transfer', 'tfr_1zvzp25tr6f9rt8zedzzh1ntpk', 'vlt_01m8ed9q96wy4m4z3psgpzkmzd', 'cancel', 'cancelled', 'by robot', '2026-11-27 11:47:25.121511+00');
INSERT INTO public.events VALUES (16, 'transaction', 'txn_01m8ed9spha4m4wbskcn9jew6t', 'vlt_01m8ed9q96wy4m4z3psgpzkmzd', 'sign', 'signed', '0xd9274341755a65daa1a96695b00213092df685eb806c2ef6f9f2173a4f8f66d1', '2026-11-27 11:47:25.187608+00');
INSERT INTO public.events VALUES (17, 'transfer', 'tfr_41xymwp2pmt14090nzn383e4j1', 'vlt_01m8ed9q96wy4m4z3psgpzkmzd', 'ask', 'awaiting_approval', NULL, '2026-11-27 11:47:25.244271+00');
INSERT INTO public.events VALUES (18, 'transaction', 'txn_01m8ed9spha4m4wbskcn9jew6t', 'vlt_01m8ed9q96wy4m4z3psgpzkmzd', 'publish', 'broadcast', NULL, '2026-11-27 11:47:25.494703+00');
INSERT INTO public.events VALUES (19, 'transaction', 'txn_01m8ed9tregk47w5t4d5cs3try', 'vlt_01m8ed9q96wy4m4z3psgpzkmzd', 'build', 'built', NULL, '2026-11-27 11:47:25.688423+00');
INSERT INTO public.events VALUES (20, 'transfer', 'tfr_1bszrfygnh0ebjzmpw7sygn170', 'vlt_01m8ed9q96wy4m4z3psgpzkmzd', 'launch', 'in_flight', NULL, '2026-11-27 11:47:25.688423+00');
INSERT INTO public.events VALUES (21, 'transaction', 'txn_01m8ed9tregk47w5t4d5cs3try', 'vlt_01m8ed9q96wy4m4z3psgpzkmzd', 'sign', 'signed', '0xbaf01c297be91870c56d3e1947d0b6eb1bef70f77d425603bfb69ccd97d44001', '2026-11-27 11:47:25.819588+00');
INSERT INTO public.events VALUES (22, 'transaction', 'txn_01m8ed9tregk47w5t4d5cs3try', 'vlt_01m8ed9q96wy4m4z3psgpzkmzd', 'publish', 'broadcast', NULL, '2026-11-27 11:47:26.210162+00');
INSERT INTO public.events VALUES (23, 'transaction', 'txn_01m8ed9spha4m4wbskcn9jew6t', 'vlt_01m8ed9q96wy4m4z3psgpzkmzd', 'include', 'included', '9 0x4af78f64dbb9dbadc5ef9a9dbeaeb1f33105834f5d0f20eb2ed2bc0ca5d16380', '2026-11-27 11:47:26.312631+00');
INSERT INTO public.events VALUES (24, 'transaction', 'txn_01m8ed9tregk47w5t4d5cs3try', 'vlt_01m8ed9q96wy4m4z3psgpzkmzd', 'include', 'included', '10 0xfb87a2888994f93f6d910b886827833d8ec622a7f0b7de7c8c3c87bae3dff545', '2026-11-27 11:47:26.835892+00');
INSERT INTO public.events VALUES (25, 'transaction', 'txn_01m8ed9spha4m4wbskcn9jew6t', 'vlt_01m8ed9q96wy4m4z3psgpzkmzd', 'finalize', 'final', NULL, '2026-11-27 11:47:27.345788+00');
INSERT INTO public.events VALUES (26, 'transfer', 'tfr_02rbwa6ey86mqw5jx8wkwwbm0p', 'vlt_01m8ed9q96wy4m4z3psgpzkmzd', 'land', 'final', NULL, '2026-11-27 11:47:27.345788+00');
INSERT INTO public.events VALUES (27, 'transaction', 'txn_01m8ed9tregk47w5t4d5cs3try', 'vlt_01m8ed9q96wy4m4z3psgpzkmzd', 'finalize', 'final', NULL, '2026-11-27 11:47:27.938967+00');
INSERT INTO public.events VALUES (28, 'transfer', 'tfr_1bszrfygnh0ebjzmpw7sygn170', 'vlt_01m8ed9q96wy4m4z3psgpzkmzd', 'land', 'final', NULL, '2026-11-27 11:47:27.938967+00');
INSERT INTO public.events VALUES (29, 'freeze', 'frz_01m8ed9xnadn73a31m7vqykf7z', 'vlt_01m8ed9q96wy4m4z3psgpzkmzd', 'create', 'open', 'a look at it', '2026-11-27 11:47:28.391619+00');
INSERT INTO public.events VALUES (30, 'alarm', 'alm_01m8ed9xp9zpp6r0mdhf2sgmrg', 'vlt_01m8ed9q96wy4m4z3psgpzkmzd', 'create', 'open', 'for a while', '2026-11-27 11:47:28.391619+00');
INSERT INTO public.events VALUES (31, 'freeze', 'frz_01m8ed9xnadn73a31m7vqykf7z', 'vlt_01m8ed9q96wy4m4z3psgpzkmzd', 'change', 'ended', 'looked', '2026-11-27 11:47:28.391619+00');
INSERT INTO public.events VALUES (32, 'alarm', 'alm_01m8ed9xp9zpp6r0mdhf2sgmrg', 'vlt_01m8ed9q96wy4m4z3psgpzkmzd', 'change', 'cleared', 'its cause is gone', '2026-11-27 11:47:28.391619+00');


--
-- Data for Name: follow_states; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.follow_states VALUES ('eip155:31337', 12, '0xc551e46153a7236fb6df4a6f5380d154e513be8d62ae28f9f146268b7976f958', 12, '0xc551e46153a7236fb6df4a6f5380d154e513be8d62ae28f9f146268b7976f958', NULL, '2026-11-27 11:47:27.718693+00', '2026-11-27 11:47:27.80244+00', '2026-11-27 11:47:27.80244+00', '2026-11-27 11:47:22.314911+00', NULL, NULL, NULL, NULL, 0, 'seen');


--
-- Data for Name: followers; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.followers VALUES ('eip155:31337', NULL, 11, 'node');


--
-- Data for Name: foreign_debits; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.foreign_debits VALUES ('id', 'network', 'asset', 'cli_01m8ed9q6b22kj7k8scjmhpmnq', 'vlt_01m8ed9q96wy4m4z3psgpzkmzd', 'address', 'txid', 'place', 1, 'account', 'verdict', 'explained_by', 'state', 1, 'block_hash', 1, 1, 'ent_01m8ed9r79wqq7313n8rz8r3qg', 'ent_01m8ed9r79wqq7313n8rz8r3qg', '2026-01-01 00:00:00+00', '2026-01-01 00:00:00+00');


--
-- Data for Name: idempotency; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.idempotency VALUES ('client cli_01m8ed9q6b22kj7k8scjmhpmnq POST /v1/transfers', 'key-1', '\x3078363130303434664242354331314544616243336535363041343635624133453946663033373537462031303030303030303030303030303030303030', 201, '\x7466725f30327262776136657938366d7177356a7838776b7777626d3070', '2026-11-27 11:47:24.004761+00');
INSERT INTO public.idempotency VALUES ('client cli_01m8ed9q6b22kj7k8scjmhpmnq POST /v1/transfers', 'key-2', '\x3078313337463865346565424443383664306164316533396539456564656132393531366537343833302032303030303030303030303030303030303030', 201, '\x7466725f3162737a726679676e683065626a7a6d7077377379676e313730', '2026-11-27 11:47:24.096867+00');
INSERT INTO public.idempotency VALUES ('client cli_01m8ed9q6b22kj7k8scjmhpmnq POST /v1/transfers', 'key-3', '\x3078383043323544463865333534424432326337366230384636453932394636386632323138323430392032303030303030303030303030303030303030', 201, '\x7466725f30347a6b3039656e64377935797630653736347a683977313573', '2026-11-27 11:47:24.486538+00');
INSERT INTO public.idempotency VALUES ('client cli_01m8ed9q6b22kj7k8scjmhpmnq POST /v1/transfers', 'key-4', '\x3078634341394544643330354637643945653037613439364636323435464463374232344461633334342032303030303030303030303030303030303030', 201, '\x7466725f317a767a70323574723666397274387a65647a7a68316e74706b', '2026-11-27 11:47:25.079616+00');
INSERT INTO public.idempotency VALUES ('client cli_01m8ed9q6b22kj7k8scjmhpmnq POST /v1/transfers', 'key-5', '\x3078303434333434333045303044323445374241386438653942304266323945303365353634326238642032303030303030303030303030303030303030', 201, '\x7466725f343178796d777032706d7431343039306e7a6e33383365346a31', '2026-11-27 11:47:25.244271+00');


--
-- Data for Name: leases; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.leases VALUES ('expiry', '075215c9ac863f940dc6cb3925ecdb89', 1, '2026-11-27 11:47:28.671+00', '2026-11-27 11:47:28.671+00');
INSERT INTO public.leases VALUES ('signer', '075215c9ac863f940dc6cb3925ecdb89', 1, '2026-11-27 11:47:28.671+00', '2026-11-27 11:47:28.671+00');
INSERT INTO public.leases VALUES ('feeds', '075215c9ac863f940dc6cb3925ecdb89', 1, '2026-11-27 11:47:28.671+00', '2026-11-27 11:47:28.671+00');
INSERT INTO public.leases VALUES ('follow:eip155:31337', '075215c9ac863f940dc6cb3925ecdb89', 1, '2026-11-27 11:47:28.671+00', '2026-11-27 11:47:28.671+00');


--
-- Data for Name: ledger_accounts; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.ledger_accounts VALUES ('acc_34aae04c95ef98432744d2b8ffaa547b', 'vlt_01m8ed9q96wy4m4z3psgpzkmzd', 'eip155:31337/slip44:60', 'vault', 3000055533570099000, 100000000000000000000, 2005000000000000000, 0);
INSERT INTO public.ledger_accounts VALUES ('acc_4d047e92d53993b8544cc55fee9d2d80', NULL, 'eip155:31337/slip44:60', 'chain', 0, 0, 0, 0);
INSERT INTO public.ledger_accounts VALUES ('acc_fc83c8a69ade7471c987c1136dc1a936', NULL, 'eip155:31337/slip44:60', 'fees', 0, 0, 0, 0);


--
-- Data for Name: ledger_entries; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.ledger_entries VALUES ('ent_01m8ed9r79wqq7313n8rz8r3qg', 'reserve', 'acc_4d047e92d53993b8544cc55fee9d2d80', 'acc_34aae04c95ef98432744d2b8ffaa547b', 'eip155:31337/slip44:60', 100000000000000000000, NULL, 'dep_01m8ed9r79wqq730w8mmh3ekt8', 'deposit', '2026-11-27 11:47:23.005294+00');
INSERT INTO public.ledger_entries VALUES ('ent_01m8ed9s59m2fvcawjbtmaxwnr', 'settle', 'acc_4d047e92d53993b8544cc55fee9d2d80', 'acc_34aae04c95ef98432744d2b8ffaa547b', 'eip155:31337/slip44:60', 100000000000000000000, 'ent_01m8ed9r79wqq7313n8rz8r3qg', 'dep_01m8ed9r79wqq730w8mmh3ekt8', 'deposit', '2026-11-27 11:47:23.957532+00');
INSERT INTO public.ledger_entries VALUES ('ent_01m8ed9s8tefde1k1cmzxxt152', 'reserve', 'acc_34aae04c95ef98432744d2b8ffaa547b', 'acc_4d047e92d53993b8544cc55fee9d2d80', 'eip155:31337/slip44:60', 1000000000000000000, NULL, 'tfr_02rbwa6ey86mqw5jx8wkwwbm0p', 'transfer', '2026-11-27 11:47:24.059024+00');
INSERT INTO public.ledger_entries VALUES ('ent_01m8ed9s8tefde1k7pst2c0k1n', 'reserve', 'acc_34aae04c95ef98432744d2b8ffaa547b', 'acc_fc83c8a69ade7471c987c1136dc1a936', 'eip155:31337/slip44:60', 5000000000000000, NULL, 'tfr_02rbwa6ey86mqw5jx8wkwwbm0p', 'fee', '2026-11-27 11:47:24.059024+00');
INSERT INTO public.ledger_entries VALUES ('ent_01m8ed9sa65rw3f77gehg68yvk', 'reserve', 'acc_34aae04c95ef98432744d2b8ffaa547b', 'acc_4d047e92d53993b8544cc55fee9d2d80', 'eip155:31337/slip44:60', 2000000000000000000, NULL, 'tfr_1bszrfygnh0ebjzmpw7sygn170', 'transfer', '2026-11-27 11:47:24.102552+00');
INSERT INTO public.ledger_entries VALUES ('ent_01m8ed9sa65rw3f77w4mw2mh76', 'reserve', 'acc_34aae04c95ef98432744d2b8ffaa547b', 'acc_fc83c8a69ade7471c987c1136dc1a936', 'eip155:31337/slip44:60', 5000000000000000, NULL, 'tfr_1bszrfygnh0ebjzmpw7sygn170', 'fee', '2026-11-27 11:47:24.102552+00');
INSERT INTO public.ledger_entries VALUES ('ent_01m8ed9sp8f787tdnzd6qre512', 'reserve', 'acc_34aae04c95ef98432744d2b8ffaa547b', 'acc_4d047e92d53993b8544cc55fee9d2d80', 'eip155:31337/slip44:60', 2000000000000000000, NULL, 'tfr_04zk09end7y5yv0e764zh9w15s', 'transfer', '2026-11-27 11:47:24.488681+00');
INSERT INTO public.ledger_entries VALUES ('ent_01m8ed9sp8f787tdvwknrp343b', 'reserve', 'acc_34aae04c95ef98432744d2b8ffaa547b', 'acc_fc83c8a69ade7471c987c1136dc1a936', 'eip155:31337/slip44:60', 5000000000000000, NULL, 'tfr_04zk09end7y5yv0e764zh9w15s', 'fee', '2026-11-27 11:47:24.488681+00');
INSERT INTO public.ledger_entries VALUES ('ent_01m8ed9sryrwy4eap0x20zv9vf', 'void', 'acc_34aae04c95ef98432744d2b8ffaa547b', 'acc_4d047e92d53993b8544cc55fee9d2d80', 'eip155:31337/slip44:60', 2000000000000000000, 'ent_01m8ed9sp8f787tdnzd6qre512', 'tfr_04zk09end7y5yv0e764zh9w15s', 'transfer', '2026-11-27 11:47:24.592569+00');
INSERT INTO public.ledger_entries VALUES ('ent_01m8ed9sryrwy4eathm4c8ak5z', 'void', 'acc_34aae04c95ef98432744d2b8ffaa547b', 'acc_fc83c8a69ade7471c987c1136dc1a936', 'eip155:31337/slip44:60', 5000000000000000, 'ent_01m8ed9sp8f787tdvwknrp343b', 'tfr_04zk09end7y5yv0e764zh9w15s', 'fee', '2026-11-27 11:47:24.592569+00');
INSERT INTO public.ledger_entries VALUES ('ent_01m8ed9t8sfxjxq228bk2mfe72', 'reserve', 'acc_34aae04c95ef98432744d2b8ffaa547b', 'acc_4d047e92d53993b8544cc55fee9d2d80', 'eip155:31337/slip44:60', 2000000000000000000, NULL, 'tfr_1zvzp25tr6f9rt8zedzzh1ntpk', 'transfer', '2026-11-27 11:47:25.081674+00');
INSERT INTO public.ledger_entries VALUES ('ent_01m8ed9t8sfxjxq29p0z04xhxe', 'reserve', 'acc_34aae04c95ef98432744d2b8ffaa547b', 'acc_fc83c8a69ade7471c987c1136dc1a936', 'eip155:31337/slip44:60', 5000000000000000, NULL, 'tfr_1zvzp25tr6f9rt8zedzzh1ntpk', 'fee', '2026-11-27 11:47:25.081674+00');
INSERT INTO public.ledger_entries VALUES ('ent_01m8ed9tarjw5ybm5p0hx93rqz', 'void', 'acc_34aae04c95ef98432744d2b8ffaa547b', 'acc_4d047e92d53993b8544cc55fee9d2d80', 'eip155:31337/slip44:60', 2000000000000000000, 'ent_01m8ed9t8sfxjxq228bk2mfe72', 'tfr_1zvzp25tr6f9rt8zedzzh1ntpk', 'transfer', '2026-11-27 11:47:25.160717+00');
INSERT INTO public.ledger_entries VALUES ('ent_01m8ed9tarjw5ybm6z7mwre3yj', 'void', 'acc_34aae04c95ef98432744d2b8ffaa547b', 'acc_fc83c8a69ade7471c987c1136dc1a936', 'eip155:31337/slip44:60', 5000000000000000, 'ent_01m8ed9t8sfxjxq29p0z04xhxe', 'tfr_1zvzp25tr6f9rt8zedzzh1ntpk', 'fee', '2026-11-27 11:47:25.160717+00');
INSERT INTO public.ledger_entries VALUES ('ent_01m8ed9tdxh6tqk7vce6n7gnzj', 'reserve', 'acc_34aae04c95ef98432744d2b8ffaa547b', 'acc_4d047e92d53993b8544cc55fee9d2d80', 'eip155:31337/slip44:60', 2000000000000000000, NULL, 'tfr_41xymwp2pmt14090nzn383e4j1', 'transfer', '2026-11-27 11:47:25.246249+00');
INSERT INTO public.ledger_entries VALUES ('ent_01m8ed9tdxh6tqk7x80rpcmmms', 'reserve', 'acc_34aae04c95ef98432744d2b8ffaa547b', 'acc_fc83c8a69ade7471c987c1136dc1a936', 'eip155:31337/slip44:60', 5000000000000000, NULL, 'tfr_41xymwp2pmt14090nzn383e4j1', 'fee', '2026-11-27 11:47:25.246249+00');
INSERT INTO public.ledger_entries VALUES ('ent_01m8ed9wg26dnbw3m6t8v36pdv', 'settle', 'acc_34aae04c95ef98432744d2b8ffaa547b', 'acc_4d047e92d53993b8544cc55fee9d2d80', 'eip155:31337/slip44:60', 1000000000000000000, 'ent_01m8ed9s8tefde1k1cmzxxt152', 'tfr_02rbwa6ey86mqw5jx8wkwwbm0p', 'transfer', '2026-11-27 11:47:27.365948+00');
INSERT INTO public.ledger_entries VALUES ('ent_01m8ed9wg3h18m6gfgdqt1gfqw', 'settle', 'acc_34aae04c95ef98432744d2b8ffaa547b', 'acc_fc83c8a69ade7471c987c1136dc1a936', 'eip155:31337/slip44:60', 28217230440000, 'ent_01m8ed9s8tefde1k7pst2c0k1n', 'tfr_02rbwa6ey86mqw5jx8wkwwbm0p', 'fee', '2026-11-27 11:47:27.365948+00');
INSERT INTO public.ledger_entries VALUES ('ent_01m8ed9x3wm62sf6ma4vjqmy64', 'settle', 'acc_34aae04c95ef98432744d2b8ffaa547b', 'acc_4d047e92d53993b8544cc55fee9d2d80', 'eip155:31337/slip44:60', 2000000000000000000, 'ent_01m8ed9sa65rw3f77gehg68yvk', 'tfr_1bszrfygnh0ebjzmpw7sygn170', 'transfer', '2026-11-27 11:47:28.008359+00');
INSERT INTO public.ledger_entries VALUES ('ent_01m8ed9x3wm62sf6t18wthytxa', 'settle', 'acc_34aae04c95ef98432744d2b8ffaa547b', 'acc_fc83c8a69ade7471c987c1136dc1a936', 'eip155:31337/slip44:60', 27316339659000, 'ent_01m8ed9sa65rw3f77w4mw2mh76', 'tfr_1bszrfygnh0ebjzmpw7sygn170', 'fee', '2026-11-27 11:47:28.008359+00');


--
-- Data for Name: mandates; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.mandates VALUES ('tfr_02rbwa6ey86mqw5jx8wkwwbm0p', 1, '\x7b226261736973223a2238343562653730373931373636613130666430626331336330363338353538396462623539326434376437333965366363313161396435323866663234363639222c22636f7265223a7b22616374696f6e223a227472616e73666572222c22636c69656e74223a22636c695f30316d3865643971366232326b6a376b3873636a6d68706d6e71222c2265666665637473223a5b7b2261646472657373223a22307836313030343466424235433131454461624333653536304134363562413345394666303337353746222c22616d6f756e74223a2231303030303030303030303030303030303030222c226173736574223a226569703135353a33313333372f736c697034343a3630222c226b696e64223a22706179222c226d656d6f223a6e756c6c7d5d2c22696e69746961746f72223a22726f626f74222c226e6574776f726b223a226569703135353a3331333337222c227265717565737465645f6174223a22323032362d31312d32375431313a34373a32345a222c2272657472795f6f66223a6e756c6c2c22736f757263655f61646472657373223a22307862383837376433626639393236326530306145623745433437313862393935413242353333644246222c22736f757263655f70617468223a226d2f3434272f3630272f30272f302f30222c227472616e73666572223a227466725f30327262776136657938366d7177356a7838776b7777626d3070222c227661756c74223a22766c745f30316d386564397139367779346d347a33707367707a6b6d7a64227d2c22636f7374735f6d6178223a5b7b22616d6f756e74223a2235303030303030303030303030303030222c226173736574223a226569703135353a33313333372f736c697034343a3630222c226b696e64223a22666565227d5d2c22657870697265735f6174223a22323032362d31312d32385431313a34373a32345a222c22666f726d6174223a322c226f6666657265645f6174223a22323032362d31312d32375431313a34373a32345a222c2276657273696f6e223a317d', '\xc06e4b9f0ede677741171f9602b5b1c154a9a53366a96e63cf09514b2c570c43', '[["eip155:31337/slip44:60","fee","5000000000000000"]]', 'agreed', '2026-11-27 11:47:24+00', '2026-11-28 11:47:24+00', '2026-11-27 11:47:24.004761+00');
INSERT INTO public.mandates VALUES ('tfr_1bszrfygnh0ebjzmpw7sygn170', 1, '\x7b226261736973223a2238343562653730373931373636613130666430626331336330363338353538396462623539326434376437333965366363313161396435323866663234363639222c22636f7265223a7b22616374696f6e223a227472616e73666572222c22636c69656e74223a22636c695f30316d3865643971366232326b6a376b3873636a6d68706d6e71222c2265666665637473223a5b7b2261646472657373223a22307831333746386534656542444338366430616431653339653945656465613239353136653734383330222c22616d6f756e74223a2232303030303030303030303030303030303030222c226173736574223a226569703135353a33313333372f736c697034343a3630222c226b696e64223a22706179222c226d656d6f223a6e756c6c7d5d2c22696e69746961746f72223a22726f626f74222c226e6574776f726b223a226569703135353a3331333337222c227265717565737465645f6174223a22323032362d31312d32375431313a34373a32345a222c2272657472795f6f66223a6e756c6c2c22736f757263655f61646472657373223a22307862383837376433626639393236326530306145623745433437313862393935413242353333644246222c22736f757263655f70617468223a226d2f3434272f3630272f30272f302f30222c227472616e73666572223a227466725f3162737a726679676e683065626a7a6d7077377379676e313730222c227661756c74223a22766c745f30316d386564397139367779346d347a33707367707a6b6d7a64227d2c22636f7374735f6d6178223a5b7b22616d6f756e74223a2235303030303030303030303030303030222c226173736574223a226569703135353a33313333372f736c697034343a3630222c226b696e64223a22666565227d5d2c22657870697265735f6174223a22323032362d31312d32385431313a34373a32345a222c22666f726d6174223a322c226f6666657265645f6174223a22323032362d31312d32375431313a34373a32345a222c2276657273696f6e223a317d', '\x5b8dfd57051ccca04477b3a5f3be55f66f00d2e221aa78e611ea19d8df83bd34', '[["eip155:31337/slip44:60","fee","5000000000000000"]]', 'agreed', '2026-11-27 11:47:24+00', '2026-11-28 11:47:24+00', '2026-11-27 11:47:24.391215+00');
INSERT INTO public.mandates VALUES ('tfr_04zk09end7y5yv0e764zh9w15s', 1, '\x7b226261736973223a2238343562653730373931373636613130666430626331336330363338353538396462623539326434376437333965366363313161396435323866663234363639222c22636f7265223a7b22616374696f6e223a227472616e73666572222c22636c69656e74223a22636c695f30316d3865643971366232326b6a376b3873636a6d68706d6e71222c2265666665637473223a5b7b2261646472657373223a22307838304332354446386533353442443232633736623038463645393239463638663232313832343039222c22616d6f756e74223a2232303030303030303030303030303030303030222c226173736574223a226569703135353a33313333372f736c697034343a3630222c226b696e64223a22706179222c226d656d6f223a6e756c6c7d5d2c22696e69746961746f72223a22726f626f74222c226e6574776f726b223a226569703135353a3331333337222c227265717565737465645f6174223a22323032362d31312d32375431313a34373a32345a222c2272657472795f6f66223a6e756c6c2c22736f757263655f61646472657373223a22307862383837376433626639393236326530306145623745433437313862393935413242353333644246222c22736f757263655f70617468223a226d2f3434272f3630272f30272f302f30222c227472616e73666572223a227466725f30347a6b3039656e64377935797630653736347a683977313573222c227661756c74223a22766c745f30316d386564397139367779346d347a33707367707a6b6d7a64227d2c22636f7374735f6d6178223a5b7b22616d6f756e74223a2235303030303030303030303030303030222c226173736574223a226569703135353a33313333372f736c697034343a3630222c226b696e64223a22666565227d5d2c22657870697265735f6174223a22323032362d31312d32385431313a34373a32345a222c22666f726d6174223a322c226f6666657265645f6174223a22323032362d31312d32375431313a34373a32345a222c2276657273696f6e223a317d', '\x01d9a9b2fb86028660ea38421cc765ebfff33191443a4ad9c7a425990ef95675', '[["eip155:31337/slip44:60","fee","5000000000000000"]]', 'rejected', '2026-11-27 11:47:24+00', '2026-11-28 11:47:24+00', '2026-11-27 11:47:24.538432+00');
INSERT INTO public.mandates VALUES ('tfr_1zvzp25tr6f9rt8zedzzh1ntpk', 1, '\x7b226261736973223a2238343562653730373931373636613130666430626331336330363338353538396462623539326434376437333965366363313161396435323866663234363639222c22636f7265223a7b22616374696f6e223a227472616e73666572222c22636c69656e74223a22636c695f30316d3865643971366232326b6a376b3873636a6d68706d6e71222c2265666665637473223a5b7b2261646472657373223a22307863434139454464333035463764394565303761343936463632343546446337423234446163333434222c22616d6f756e74223a2232303030303030303030303030303030303030222c226173736574223a226569703135353a33313333372f736c697034343a3630222c226b696e64223a22706179222c226d656d6f223a6e756c6c7d5d2c22696e69746961746f72223a22726f626f74222c226e6574776f726b223a226569703135353a3331333337222c227265717565737465645f6174223a22323032362d31312d32375431313a34373a32355a222c2272657472795f6f66223a6e756c6c2c22736f757263655f61646472657373223a22307862383837376433626639393236326530306145623745433437313862393935413242353333644246222c22736f757263655f70617468223a226d2f3434272f3630272f30272f302f30222c227472616e73666572223a227466725f317a767a70323574723666397274387a65647a7a68316e74706b222c227661756c74223a22766c745f30316d386564397139367779346d347a33707367707a6b6d7a64227d2c22636f7374735f6d6178223a5b7b22616d6f756e74223a2235303030303030303030303030303030222c226173736574223a226569703135353a33313333372f736c697034343a3630222c226b696e64223a22666565227d5d2c22657870697265735f6174223a22323032362d31312d32385431313a34373a32355a222c22666f726d6174223a322c226f6666657265645f6174223a22323032362d31312d32375431313a34373a32355a222c2276657273696f6e223a317d', '\xdf936feb667dd883be5b6cace3ca40b57e9c057ab09b7c84524b6b9fd06349eb', '[["eip155:31337/slip44:60","fee","5000000000000000"]]', 'void', '2026-11-27 11:47:25+00', '2026-11-28 11:47:25+00', '2026-11-27 11:47:25.121511+00');
INSERT INTO public.mandates VALUES ('tfr_41xymwp2pmt14090nzn383e4j1', 1, '\x7b226261736973223a2238343562653730373931373636613130666430626331336330363338353538396462623539326434376437333965366363313161396435323866663234363639222c22636f7265223a7b22616374696f6e223a227472616e73666572222c22636c69656e74223a22636c695f30316d3865643971366232326b6a376b3873636a6d68706d6e71222c2265666665637473223a5b7b2261646472657373223a22307830343433343433304530304432344537424138643865394230426632394530336535363432623864222c22616d6f756e74223a2232303030303030303030303030303030303030222c226173736574223a226569703135353a33313333372f736c697034343a3630222c226b696e64223a22706179222c226d656d6f223a6e756c6c7d5d2c22696e69746961746f72223a22726f626f74222c226e6574776f726b223a226569703135353a3331333337222c227265717565737465645f6174223a22323032362d31312d32375431313a34373a32355a222c2272657472795f6f66223a6e756c6c2c22736f757263655f61646472657373223a22307862383837376433626639393236326530306145623745433437313862393935413242353333644246222c22736f757263655f70617468223a226d2f3434272f3630272f30272f302f30222c227472616e73666572223a227466725f343178796d777032706d7431343039306e7a6e33383365346a31222c227661756c74223a22766c745f30316d386564397139367779346d347a33707367707a6b6d7a64227d2c22636f7374735f6d6178223a5b7b22616d6f756e74223a2235303030303030303030303030303030222c226173736574223a226569703135353a33313333372f736c697034343a3630222c226b696e64223a22666565227d5d2c22657870697265735f6174223a22323032362d31312d32385431313a34373a32355a222c22666f726d6174223a322c226f6666657265645f6174223a22323032362d31312d32375431313a34373a32355a222c2276657273696f6e223a317d', '\x7c03820abec6eb2f04c947714922e89dd251518882952e3f2a815df23f17e837', '[["eip155:31337/slip44:60","fee","5000000000000000"]]', 'offered', '2026-11-27 11:47:25+00', '2026-11-28 11:47:25+00', NULL);


--
-- Data for Name: outbox; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.outbox VALUES (1, 'kind', 'subject', 'network', 'claim', '2026-01-01 00:00:00+00', '2026-01-01 00:00:00+00', 1, 'last_error', '2026-01-01 00:00:00+00');


--
-- Data for Name: passes; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.passes VALUES ('id', 'network', 1, 1, 'failure', 'reason', 'passed_by', '2026-01-01 00:00:00+00');


--
-- Data for Name: policy_versions; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.policy_versions VALUES ('\x78216925656c2dc802e44799231ef5825c31b99bc3b7b0642fd6276cd841b558', 1, '\x7b2261646d696e6973747261746f7273223a7b226d656d62657273223a5b7b2263726564656e7469616c73223a5b7b226b6579223a2263383037326331383134633533643766373665613363323133643361313266653363623332643535376363396361383339623135663030616433626335353264222c226b696e64223a2265643235353139227d5d2c226964223a2261646d696e2d31227d2c7b2263726564656e7469616c73223a5b7b226b6579223a2238376332396337663036306366323931346664643361373736316533646365386238303763643062313330346464303766663466363232346638343435626461222c226b696e64223a2265643235353139227d5d2c226964223a2261646d696e2d32227d2c7b2263726564656e7469616c73223a5b7b226b6579223a2261323934363964313633643339623333663835353762623163343463646563303432313936353135643763353638306161623262313461383130333834353965222c226b696e64223a2265643235353139227d5d2c226964223a2261646d696e2d33227d5d2c227468726573686f6c64223a327d2c22617373657473223a5b5d2c2264657374696e6174696f6e73223a5b5d2c22666f726d6174223a322c2267726f757073223a5b7b226964223a227472656173757279222c226d656d62657273223a5b22616461222c22626f62222c22657665225d7d2c7b226964223a227269736b222c226d656d62657273223a5b22657665225d7d5d2c226d616368696e6573223a5b7b226964223a22726f626f74222c226f70657261746f7273223a5b5d7d5d2c226e6574776f726b73223a5b5d2c22706572736f6e73223a5b7b2263726564656e7469616c73223a5b7b226b6579223a2230343762366233396637366661303064356538326436613833306333396236653538383066346364386362363364623433363436363563393062383531623063222c226b696e64223a2265643235353139227d5d2c226964223a22616461227d2c7b2263726564656e7469616c73223a5b7b226b6579223a2265636331623538373237663366313262333139343838316139656362396465306232386365376232303732333064386539333066653162636537356532353663222c226b696e64223a2265643235353139227d5d2c226964223a22626f62227d2c7b2263726564656e7469616c73223a5b7b226b6579223a2235363561306639353535636234663464346530366238313131323537383635646363643735636337353133356139623130633961343465636135303431333433222c226b696e64223a2265643235353139227d5d2c226964223a22657665227d5d2c2272756c6573223a5b7b22656666656374223a22616c6c6f77222c226772616e74223a7b22617070726f76616c73223a7b226e65656473223a5b5d2c226f72646572223a22616e79227d2c22636f737473223a5b7b22616d6f756e74223a2231303030303030303030303030303030303030222c226b696e64223a22666565222c226e6574776f726b223a226269703132323a3066393138386631336362376232633731663261333335653361346663333238227d2c7b22616d6f756e74223a2231303030303030303030303030303030303030222c226b696e64223a2272656e74222c226e6574776f726b223a226269703132323a3066393138386631336362376232633731663261333335653361346663333238227d2c7b22616d6f756e74223a2231303030303030303030303030303030303030222c226b696e64223a2261637469766174696f6e222c226e6574776f726b223a226269703132323a3066393138386631336362376232633731663261333335653361346663333238227d2c7b22616d6f756e74223a2231303030303030303030303030303030303030222c226b696e64223a22666565222c226e6574776f726b223a226569703135353a3331333337227d2c7b22616d6f756e74223a2231303030303030303030303030303030303030222c226b696e64223a2272656e74222c226e6574776f726b223a226569703135353a3331333337227d2c7b22616d6f756e74223a2231303030303030303030303030303030303030222c226b696e64223a2261637469766174696f6e222c226e6574776f726b223a226569703135353a3331333337227d2c7b22616d6f756e74223a2231303030303030303030303030303030303030222c226b696e64223a22666565222c226e6574776f726b223a226569703135353a3331333338227d2c7b22616d6f756e74223a2231303030303030303030303030303030303030222c226b696e64223a2272656e74222c226e6574776f726b223a226569703135353a3331333338227d2c7b22616d6f756e74223a2231303030303030303030303030303030303030222c226b696e64223a2261637469766174696f6e222c226e6574776f726b223a226569703135353a3331333338227d2c7b22616d6f756e74223a2231303030303030303030303030303030303030222c226b696e64223a22666565222c226e6574776f726b223a2274726f6e3a30786666353163623461227d2c7b22616d6f756e74223a2231303030303030303030303030303030303030222c226b696e64223a2272656e74222c226e6574776f726b223a2274726f6e3a30786666353163623461227d2c7b22616d6f756e74223a2231303030303030303030303030303030303030222c226b696e64223a2261637469766174696f6e222c226e6574776f726b223a2274726f6e3a30786666353163623461227d2c7b22616d6f756e74223a2231303030303030303030303030303030303030222c226b696e64223a22666565222c226e6574776f726b223a22736f6c616e613a356d6f7267386742336e6f355a7a52434635534e37434746554b48707638614d227d2c7b22616d6f756e74223a2231303030303030303030303030303030303030222c226b696e64223a2272656e74222c226e6574776f726b223a22736f6c616e613a356d6f7267386742336e6f355a7a52434635534e37434746554b48707638614d227d2c7b22616d6f756e74223a2231303030303030303030303030303030303030222c226b696e64223a2261637469766174696f6e222c226e6574776f726b223a22736f6c616e613a356d6f7267386742336e6f355a7a52434635534e37434746554b48707638614d227d5d2c226d616e646174655f6c69666574696d655f73223a38363430302c2274696d655f6c6f636b5f73223a307d2c226964223a22736d616c6c222c226c696d697473223a7b22686f757273223a6e756c6c2c227065725f7472616e73666572223a5b7b22616d6f756e74223a2231393939393939393939393939393939393939222c226173736574223a226569703135353a33313333372f736c697034343a3630227d5d2c2277696e646f7773223a5b5d7d2c2273636f7065223a7b22616374696f6e73223a5b227472616e73666572225d2c22617373657473223a22616e79222c22636c69656e7473223a22616e79222c2264657374696e6174696f6e73223a22616e79222c22696e69746961746f7273223a22616e79222c226e6574776f726b73223a22616e79222c227661756c7473223a22616e79227d7d2c7b22656666656374223a22616c6c6f77222c226772616e74223a7b22617070726f76616c73223a7b226e65656473223a5b7b22636f756e74223a322c2267726f7570223a227472656173757279227d5d2c226f72646572223a22616e79227d2c22636f737473223a5b7b22616d6f756e74223a2231303030303030303030303030303030303030222c226b696e64223a22666565222c226e6574776f726b223a226269703132323a3066393138386631336362376232633731663261333335653361346663333238227d2c7b22616d6f756e74223a2231303030303030303030303030303030303030222c226b696e64223a2272656e74222c226e6574776f726b223a226269703132323a3066393138386631336362376232633731663261333335653361346663333238227d2c7b22616d6f756e74223a2231303030303030303030303030303030303030222c226b696e64223a2261637469766174696f6e222c226e6574776f726b223a226269703132323a3066393138386631336362376232633731663261333335653361346663333238227d2c7b22616d6f756e74223a2231303030303030303030303030303030303030222c226b696e64223a22666565222c226e6574776f726b223a226569703135353a3331333337227d2c7b22616d6f756e74223a2231303030303030303030303030303030303030222c226b696e64223a2272656e74222c226e6574776f726b223a226569703135353a3331333337227d2c7b22616d6f756e74223a2231303030303030303030303030303030303030222c226b696e64223a2261637469766174696f6e222c226e6574776f726b223a226569703135353a3331333337227d2c7b22616d6f756e74223a2231303030303030303030303030303030303030222c226b696e64223a22666565222c226e6574776f726b223a226569703135353a3331333338227d2c7b22616d6f756e74223a2231303030303030303030303030303030303030222c226b696e64223a2272656e74222c226e6574776f726b223a226569703135353a3331333338227d2c7b22616d6f756e74223a2231303030303030303030303030303030303030222c226b696e64223a2261637469766174696f6e222c226e6574776f726b223a226569703135353a3331333338227d2c7b22616d6f756e74223a2231303030303030303030303030303030303030222c226b696e64223a22666565222c226e6574776f726b223a2274726f6e3a30786666353163623461227d2c7b22616d6f756e74223a2231303030303030303030303030303030303030222c226b696e64223a2272656e74222c226e6574776f726b223a2274726f6e3a30786666353163623461227d2c7b22616d6f756e74223a2231303030303030303030303030303030303030222c226b696e64223a2261637469766174696f6e222c226e6574776f726b223a2274726f6e3a30786666353163623461227d2c7b22616d6f756e74223a2231303030303030303030303030303030303030222c226b696e64223a22666565222c226e6574776f726b223a22736f6c616e613a356d6f7267386742336e6f355a7a52434635534e37434746554b48707638614d227d2c7b22616d6f756e74223a2231303030303030303030303030303030303030222c226b696e64223a2272656e74222c226e6574776f726b223a22736f6c616e613a356d6f7267386742336e6f355a7a52434635534e37434746554b48707638614d227d2c7b22616d6f756e74223a2231303030303030303030303030303030303030222c226b696e64223a2261637469766174696f6e222c226e6574776f726b223a22736f6c616e613a356d6f7267386742336e6f355a7a52434635534e37434746554b48707638614d227d5d2c226d616e646174655f6c69666574696d655f73223a38363430302c2274696d655f6c6f636b5f73223a307d2c226964223a226c61726765222c226c696d697473223a7b22686f757273223a6e756c6c2c227065725f7472616e73666572223a5b5d2c2277696e646f7773223a5b5d7d2c2273636f7065223a7b22616374696f6e73223a5b227472616e73666572225d2c22617373657473223a22616e79222c22636c69656e7473223a22616e79222c2264657374696e6174696f6e73223a22616e79222c22696e69746961746f7273223a22616e79222c226e6574776f726b73223a22616e79222c227661756c7473223a22616e79227d7d5d2c2276657273696f6e223a317d', '\x7b2261646d696e2d31223a226163656366326338306633386632646533333836643762653434616330346634313533376638656261633664646638393735663265353539343766666331666261326633643765666166616661643134316232636637353365306634326134626533373834633664633337323963393465653832306561313937663564653066222c2261646d696e2d32223a226166376339613338326631616430326436646536323263633262656165333737333430366337343330303363643235616364653438313263616164313365323465383436636364303564323262393535313536623263366331636332623865313434653030376661633136643938323963313932303631313134306565363065227d', '2026-11-27 11:47:21+00', '2026-11-27 11:47:22.060497+00');


--
-- Data for Name: readings; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.readings VALUES ('eip155:31337', 0, 13, 'complete', '2026-11-27 11:47:22.419655+00');


--
-- Data for Name: reconciled; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.reconciled VALUES ('vlt_01m8ed9q96wy4m4z3psgpzkmzd', 'eip155:31337/slip44:60', 'eip155:31337', 12, 96999944466429901000, 96999944466429901000, 'equal', '', 0, '2026-11-27 11:47:28.303347+00', '2026-11-27 11:47:28.303347+00');


--
-- Data for Name: reservations; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.reservations VALUES ('tfr_02rbwa6ey86mqw5jx8wkwwbm0p', 1, 'eip155:31337/slip44:60', 'effect', 1000000000000000000, 'ent_01m8ed9s8tefde1k1cmzxxt152', 1000000000000000000);
INSERT INTO public.reservations VALUES ('tfr_02rbwa6ey86mqw5jx8wkwwbm0p', 1, 'eip155:31337/slip44:60', 'fee', 5000000000000000, 'ent_01m8ed9s8tefde1k7pst2c0k1n', 28217230440000);
INSERT INTO public.reservations VALUES ('tfr_1bszrfygnh0ebjzmpw7sygn170', 1, 'eip155:31337/slip44:60', 'effect', 2000000000000000000, 'ent_01m8ed9sa65rw3f77gehg68yvk', 2000000000000000000);
INSERT INTO public.reservations VALUES ('tfr_1bszrfygnh0ebjzmpw7sygn170', 1, 'eip155:31337/slip44:60', 'fee', 5000000000000000, 'ent_01m8ed9sa65rw3f77w4mw2mh76', 27316339659000);
INSERT INTO public.reservations VALUES ('tfr_04zk09end7y5yv0e764zh9w15s', 1, 'eip155:31337/slip44:60', 'effect', 2000000000000000000, 'ent_01m8ed9sp8f787tdnzd6qre512', 0);
INSERT INTO public.reservations VALUES ('tfr_04zk09end7y5yv0e764zh9w15s', 1, 'eip155:31337/slip44:60', 'fee', 5000000000000000, 'ent_01m8ed9sp8f787tdvwknrp343b', 0);
INSERT INTO public.reservations VALUES ('tfr_1zvzp25tr6f9rt8zedzzh1ntpk', 1, 'eip155:31337/slip44:60', 'effect', 2000000000000000000, 'ent_01m8ed9t8sfxjxq228bk2mfe72', 0);
INSERT INTO public.reservations VALUES ('tfr_1zvzp25tr6f9rt8zedzzh1ntpk', 1, 'eip155:31337/slip44:60', 'fee', 5000000000000000, 'ent_01m8ed9t8sfxjxq29p0z04xhxe', 0);
INSERT INTO public.reservations VALUES ('tfr_41xymwp2pmt14090nzn383e4j1', 1, 'eip155:31337/slip44:60', 'effect', 2000000000000000000, 'ent_01m8ed9tdxh6tqk7vce6n7gnzj', NULL);
INSERT INTO public.reservations VALUES ('tfr_41xymwp2pmt14090nzn383e4j1', 1, 'eip155:31337/slip44:60', 'fee', 5000000000000000, 'ent_01m8ed9tdxh6tqk7x80rpcmmms', NULL);


--
-- Data for Name: sequenced_entries; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.sequenced_entries VALUES (1, 'cli_01m8ed9q6b22kj7k8scjmhpmnq', 1, 'ent_01m8ed9r79wqq7313n8rz8r3qg', '57e9e2049cba');
INSERT INTO public.sequenced_entries VALUES (2, 'cli_01m8ed9q6b22kj7k8scjmhpmnq', 2, 'ent_01m8ed9s59m2fvcawjbtmaxwnr', '15491eb44784');
INSERT INTO public.sequenced_entries VALUES (3, 'cli_01m8ed9q6b22kj7k8scjmhpmnq', 3, 'ent_01m8ed9s8tefde1k1cmzxxt152', '15491eb44784');
INSERT INTO public.sequenced_entries VALUES (4, 'cli_01m8ed9q6b22kj7k8scjmhpmnq', 4, 'ent_01m8ed9s8tefde1k7pst2c0k1n', '15491eb44784');
INSERT INTO public.sequenced_entries VALUES (5, 'cli_01m8ed9q6b22kj7k8scjmhpmnq', 5, 'ent_01m8ed9sa65rw3f77gehg68yvk', '15491eb44784');
INSERT INTO public.sequenced_entries VALUES (6, 'cli_01m8ed9q6b22kj7k8scjmhpmnq', 6, 'ent_01m8ed9sa65rw3f77w4mw2mh76', '15491eb44784');
INSERT INTO public.sequenced_entries VALUES (7, 'cli_01m8ed9q6b22kj7k8scjmhpmnq', 7, 'ent_01m8ed9sp8f787tdnzd6qre512', 'e4f267fd7601');
INSERT INTO public.sequenced_entries VALUES (8, 'cli_01m8ed9q6b22kj7k8scjmhpmnq', 8, 'ent_01m8ed9sp8f787tdvwknrp343b', 'e4f267fd7601');
INSERT INTO public.sequenced_entries VALUES (9, 'cli_01m8ed9q6b22kj7k8scjmhpmnq', 9, 'ent_01m8ed9sryrwy4eap0x20zv9vf', 'e4f267fd7601');
INSERT INTO public.sequenced_entries VALUES (10, 'cli_01m8ed9q6b22kj7k8scjmhpmnq', 10, 'ent_01m8ed9sryrwy4eathm4c8ak5z', 'e4f267fd7601');
INSERT INTO public.sequenced_entries VALUES (11, 'cli_01m8ed9q6b22kj7k8scjmhpmnq', 11, 'ent_01m8ed9t8sfxjxq228bk2mfe72', 'e4f267fd7601');
INSERT INTO public.sequenced_entries VALUES (12, 'cli_01m8ed9q6b22kj7k8scjmhpmnq', 12, 'ent_01m8ed9t8sfxjxq29p0z04xhxe', 'e4f267fd7601');
INSERT INTO public.sequenced_entries VALUES (13, 'cli_01m8ed9q6b22kj7k8scjmhpmnq', 13, 'ent_01m8ed9tarjw5ybm5p0hx93rqz', '4c1dc97f51b2');
INSERT INTO public.sequenced_entries VALUES (14, 'cli_01m8ed9q6b22kj7k8scjmhpmnq', 14, 'ent_01m8ed9tarjw5ybm6z7mwre3yj', '4c1dc97f51b2');
INSERT INTO public.sequenced_entries VALUES (15, 'cli_01m8ed9q6b22kj7k8scjmhpmnq', 15, 'ent_01m8ed9tdxh6tqk7vce6n7gnzj', '4c1dc97f51b2');
INSERT INTO public.sequenced_entries VALUES (16, 'cli_01m8ed9q6b22kj7k8scjmhpmnq', 16, 'ent_01m8ed9tdxh6tqk7x80rpcmmms', '4c1dc97f51b2');
INSERT INTO public.sequenced_entries VALUES (17, 'cli_01m8ed9q6b22kj7k8scjmhpmnq', 17, 'ent_01m8ed9wg26dnbw3m6t8v36pdv', 'b26fb294bb44');
INSERT INTO public.sequenced_entries VALUES (18, 'cli_01m8ed9q6b22kj7k8scjmhpmnq', 18, 'ent_01m8ed9wg3h18m6gfgdqt1gfqw', 'b26fb294bb44');
INSERT INTO public.sequenced_entries VALUES (19, 'cli_01m8ed9q6b22kj7k8scjmhpmnq', 19, 'ent_01m8ed9x3wm62sf6ma4vjqmy64', '7e08bf59b2b6');
INSERT INTO public.sequenced_entries VALUES (20, 'cli_01m8ed9q6b22kj7k8scjmhpmnq', 20, 'ent_01m8ed9x3wm62sf6t18wthytxa', '7e08bf59b2b6');


--
-- Data for Name: sequenced_events; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.sequenced_events VALUES (1, NULL, NULL, 1, 'b9a628f657fd');
INSERT INTO public.sequenced_events VALUES (2, 'cli_01m8ed9q6b22kj7k8scjmhpmnq', 1, 2, '57e9e2049cba');
INSERT INTO public.sequenced_events VALUES (3, 'cli_01m8ed9q6b22kj7k8scjmhpmnq', 2, 3, '15491eb44784');
INSERT INTO public.sequenced_events VALUES (4, 'cli_01m8ed9q6b22kj7k8scjmhpmnq', 3, 4, '15491eb44784');
INSERT INTO public.sequenced_events VALUES (5, 'cli_01m8ed9q6b22kj7k8scjmhpmnq', 4, 5, '15491eb44784');
INSERT INTO public.sequenced_events VALUES (6, 'cli_01m8ed9q6b22kj7k8scjmhpmnq', 5, 6, 'ac28bc5aa2e4');
INSERT INTO public.sequenced_events VALUES (7, 'cli_01m8ed9q6b22kj7k8scjmhpmnq', 6, 7, 'ac28bc5aa2e4');
INSERT INTO public.sequenced_events VALUES (8, 'cli_01m8ed9q6b22kj7k8scjmhpmnq', 7, 8, 'ac28bc5aa2e4');
INSERT INTO public.sequenced_events VALUES (9, 'cli_01m8ed9q6b22kj7k8scjmhpmnq', 8, 9, 'e4f267fd7601');
INSERT INTO public.sequenced_events VALUES (10, 'cli_01m8ed9q6b22kj7k8scjmhpmnq', 9, 10, 'e4f267fd7601');
INSERT INTO public.sequenced_events VALUES (11, 'cli_01m8ed9q6b22kj7k8scjmhpmnq', 10, 11, 'e4f267fd7601');
INSERT INTO public.sequenced_events VALUES (12, 'cli_01m8ed9q6b22kj7k8scjmhpmnq', 11, 12, 'e4f267fd7601');
INSERT INTO public.sequenced_events VALUES (13, 'cli_01m8ed9q6b22kj7k8scjmhpmnq', 12, 13, 'e4f267fd7601');
INSERT INTO public.sequenced_events VALUES (14, 'cli_01m8ed9q6b22kj7k8scjmhpmnq', 13, 14, 'e4f267fd7601');
INSERT INTO public.sequenced_events VALUES (15, 'cli_01m8ed9q6b22kj7k8scjmhpmnq', 14, 15, '4c1dc97f51b2');
INSERT INTO public.sequenced_events VALUES (16, 'cli_01m8ed9q6b22kj7k8scjmhpmnq', 15, 16, '4c1dc97f51b2');
INSERT INTO public.sequenced_events VALUES (17, 'cli_01m8ed9q6b22kj7k8scjmhpmnq', 16, 17, '4c1dc97f51b2');
INSERT INTO public.sequenced_events VALUES (18, 'cli_01m8ed9q6b22kj7k8scjmhpmnq', 17, 18, '06a6c26848fe');
INSERT INTO public.sequenced_events VALUES (19, 'cli_01m8ed9q6b22kj7k8scjmhpmnq', 18, 19, '9d99a6022d44');
INSERT INTO public.sequenced_events VALUES (20, 'cli_01m8ed9q6b22kj7k8scjmhpmnq', 19, 20, '9d99a6022d44');
INSERT INTO public.sequenced_events VALUES (21, 'cli_01m8ed9q6b22kj7k8scjmhpmnq', 20, 21, '9d99a6022d44');
INSERT INTO public.sequenced_events VALUES (22, 'cli_01m8ed9q6b22kj7k8scjmhpmnq', 21, 22, '2df2b6f45612');
INSERT INTO public.sequenced_events VALUES (23, 'cli_01m8ed9q6b22kj7k8scjmhpmnq', 22, 23, '2df2b6f45612');
INSERT INTO public.sequenced_events VALUES (24, 'cli_01m8ed9q6b22kj7k8scjmhpmnq', 23, 24, '582ac9d78769');
INSERT INTO public.sequenced_events VALUES (25, 'cli_01m8ed9q6b22kj7k8scjmhpmnq', 24, 25, 'b26fb294bb44');
INSERT INTO public.sequenced_events VALUES (26, 'cli_01m8ed9q6b22kj7k8scjmhpmnq', 25, 26, 'b26fb294bb44');
INSERT INTO public.sequenced_events VALUES (27, 'cli_01m8ed9q6b22kj7k8scjmhpmnq', 26, 27, '7e08bf59b2b6');
INSERT INTO public.sequenced_events VALUES (28, 'cli_01m8ed9q6b22kj7k8scjmhpmnq', 27, 28, '7e08bf59b2b6');
INSERT INTO public.sequenced_events VALUES (29, 'cli_01m8ed9q6b22kj7k8scjmhpmnq', 28, 29, '2a9e10c099b4');
INSERT INTO public.sequenced_events VALUES (30, 'cli_01m8ed9q6b22kj7k8scjmhpmnq', 29, 30, '2a9e10c099b4');
INSERT INTO public.sequenced_events VALUES (31, 'cli_01m8ed9q6b22kj7k8scjmhpmnq', 30, 31, '2a9e10c099b4');
INSERT INTO public.sequenced_events VALUES (32, 'cli_01m8ed9q6b22kj7k8scjmhpmnq', 31, 32, '2a9e10c099b4');


--
-- Data for Name: sightings; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.sightings VALUES ('eip155:31337', '0xd9274341755a65daa1a96695b00213092df685eb806c2ef6f9f2173a4f8f66d1', 9, '0x4af78f64dbb9dbadc5ef9a9dbeaeb1f33105834f5d0f20eb2ed2bc0ca5d16380', NULL, '[["eip155:31337/slip44:60","fee","28217230440000"]]');
INSERT INTO public.sightings VALUES ('eip155:31337', '0xbaf01c297be91870c56d3e1947d0b6eb1bef70f77d425603bfb69ccd97d44001', 10, '0xfb87a2888994f93f6d910b886827833d8ec622a7f0b7de7c8c3c87bae3dff545', NULL, '[["eip155:31337/slip44:60","fee","27316339659000"]]');


--
-- Data for Name: signer_checkpoints; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.signer_checkpoints VALUES ('custody-wallet/log/616612d31b72ede1/1', '\x616612d31b72ede1a6488aea8ce3baa8c478d7ad037bdaecb68f6bb227706d90', 'custody-wallet/log/616612d31b72ede1/1
2
DyOV/LzaBnsqVgPV612am/F5uYTjdKGWN2SHITpV1C4=

— custody-wallet/log/616612d31b72ede1/1 XjFSdXK2NIChPJDhcHcsNaTWbuAOFCdF5OIIcAgZ4VJNtERWv9WTvEPSaPrU9TvYEuSP9hR7l/kzV5KDOgi82Yb5yQw=
', NULL, '2026-11-27 11:47:22.386366+00');


--
-- Data for Name: signer_journal; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.signer_journal VALUES (1, 4, '\x5a3531d304df9ccfe513dcb9a9322cdebce2c8e26250fedc0438a9a601ee7a5a', NULL, NULL);


--
-- Data for Name: spends; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.spends VALUES ('spa_7fj3f4a4j5h3qxz2wy46d2az0q', 1, 'tfr_02rbwa6ey86mqw5jx8wkwwbm0p', 1005000000000000000, 1, 0, 0, NULL, NULL, 1005000000000000000, 1, 0, 0, NULL, 0);
INSERT INTO public.spends VALUES ('spa_6x013cbnd0nr1tpqv7a537w1z6', 1, 'tfr_02rbwa6ey86mqw5jx8wkwwbm0p', 1005000000000000000, 1, 0, 0, NULL, NULL, 1005000000000000000, 1, 0, 0, NULL, 0);
INSERT INTO public.spends VALUES ('spa_7fj3f4a4j5h3qxz2wy46d2az0q', 2, 'tfr_1bszrfygnh0ebjzmpw7sygn170', 2005000000000000000, 1, 0, 0, NULL, NULL, 3010000000000000000, 2, 0, 0, NULL, 0);
INSERT INTO public.spends VALUES ('spa_7nmgzshmjnwr8vqh6kkd3wxk75', 1, 'tfr_1bszrfygnh0ebjzmpw7sygn170', 2005000000000000000, 1, 0, 0, NULL, NULL, 2005000000000000000, 1, 0, 0, NULL, 0);
INSERT INTO public.spends VALUES ('spa_7fj3f4a4j5h3qxz2wy46d2az0q', 3, 'tfr_04zk09end7y5yv0e764zh9w15s', 2005000000000000000, 1, 0, 0, NULL, NULL, 5015000000000000000, 3, 0, 0, NULL, 0);
INSERT INTO public.spends VALUES ('spa_4cmynthafjxx3dz7nr29r332nq', 1, 'tfr_04zk09end7y5yv0e764zh9w15s', 2005000000000000000, 1, 0, 0, NULL, NULL, 2005000000000000000, 1, 0, 0, NULL, 0);
INSERT INTO public.spends VALUES ('spa_4cmynthafjxx3dz7nr29r332nq', 2, 'tfr_04zk09end7y5yv0e764zh9w15s', 0, 0, 0, 0, NULL, NULL, 0, 0, 0, 0, NULL, 0);
INSERT INTO public.spends VALUES ('spa_7fj3f4a4j5h3qxz2wy46d2az0q', 4, 'tfr_04zk09end7y5yv0e764zh9w15s', 0, 0, 0, 0, NULL, NULL, 3010000000000000000, 2, 0, 0, NULL, 0);
INSERT INTO public.spends VALUES ('spa_7fj3f4a4j5h3qxz2wy46d2az0q', 5, 'tfr_1zvzp25tr6f9rt8zedzzh1ntpk', 2005000000000000000, 1, 0, 0, NULL, NULL, 5015000000000000000, 3, 0, 0, NULL, 0);
INSERT INTO public.spends VALUES ('spa_3gc5f7s8xhjck5rc1cerhqg2r9', 1, 'tfr_1zvzp25tr6f9rt8zedzzh1ntpk', 2005000000000000000, 1, 0, 0, NULL, NULL, 2005000000000000000, 1, 0, 0, NULL, 0);
INSERT INTO public.spends VALUES ('spa_3gc5f7s8xhjck5rc1cerhqg2r9', 2, 'tfr_1zvzp25tr6f9rt8zedzzh1ntpk', 0, 0, 0, 0, NULL, NULL, 0, 0, 0, 0, NULL, 0);
INSERT INTO public.spends VALUES ('spa_7fj3f4a4j5h3qxz2wy46d2az0q', 6, 'tfr_1zvzp25tr6f9rt8zedzzh1ntpk', 0, 0, 0, 0, NULL, NULL, 3010000000000000000, 2, 0, 0, NULL, 0);
INSERT INTO public.spends VALUES ('spa_6x013cbnd0nr1tpqv7a537w1z6', 2, 'tfr_02rbwa6ey86mqw5jx8wkwwbm0p', 0, 0, 1005000000000000000, 1, '2026-11-27 11:47:25+00', NULL, 0, 0, 1005000000000000000, 1, '2026-11-27 11:47:25+00', 0);
INSERT INTO public.spends VALUES ('spa_7fj3f4a4j5h3qxz2wy46d2az0q', 7, 'tfr_02rbwa6ey86mqw5jx8wkwwbm0p', 0, 0, 1005000000000000000, 1, '2026-11-27 11:47:25+00', NULL, 2005000000000000000, 1, 1005000000000000000, 1, '2026-11-27 11:47:25+00', 0);
INSERT INTO public.spends VALUES ('spa_7fj3f4a4j5h3qxz2wy46d2az0q', 8, 'tfr_41xymwp2pmt14090nzn383e4j1', 2005000000000000000, 1, 0, 0, NULL, NULL, 4010000000000000000, 2, 1005000000000000000, 1, '2026-11-27 11:47:25+00', 0);
INSERT INTO public.spends VALUES ('spa_6666f8wdjbh926v267m60pxygy', 1, 'tfr_41xymwp2pmt14090nzn383e4j1', 2005000000000000000, 1, 0, 0, NULL, NULL, 2005000000000000000, 1, 0, 0, NULL, 0);
INSERT INTO public.spends VALUES ('spa_7fj3f4a4j5h3qxz2wy46d2az0q', 9, 'tfr_1bszrfygnh0ebjzmpw7sygn170', 0, 0, 2005000000000000000, 1, '2026-11-27 11:47:26+00', NULL, 2005000000000000000, 1, 3010000000000000000, 2, '2026-11-27 11:47:26+00', 0);
INSERT INTO public.spends VALUES ('spa_7nmgzshmjnwr8vqh6kkd3wxk75', 2, 'tfr_1bszrfygnh0ebjzmpw7sygn170', 0, 0, 2005000000000000000, 1, '2026-11-27 11:47:26+00', NULL, 0, 0, 2005000000000000000, 1, '2026-11-27 11:47:26+00', 0);


--
-- Data for Name: suspense_decisions; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.suspense_decisions VALUES ('id', 'vlt_01m8ed9q96wy4m4z3psgpzkmzd', 'asset', 1, 'destination', 'reason', 'decided_by', '2026-01-01 00:00:00+00');


--
-- Data for Name: transaction_transfers; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.transaction_transfers VALUES ('txn_01m8ed9spha4m4wbskcn9jew6t', 'tfr_02rbwa6ey86mqw5jx8wkwwbm0p', 1);
INSERT INTO public.transaction_transfers VALUES ('txn_01m8ed9tregk47w5t4d5cs3try', 'tfr_1bszrfygnh0ebjzmpw7sygn170', 1);


--
-- Data for Name: transactions; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.transactions VALUES ('txn_01m8ed9spha4m4wbskcn9jew6t', 'eip155:31337', 'vlt_01m8ed9q96wy4m4z3psgpzkmzd', 'pay', NULL, '0xb8877d3bf99262e00aEb7EC4718b995A2B533dBF', 'final', 5, '\x02f1827a6980843b9aca0084711dacb082520894610044fbb5c11edabc3e560a465ba3e9ff03757f880de0b6b3a764000080c0', '0xb8877d3bf99262e00aEb7EC4718b995A2B533dBF', '\x02f874827a6980843b9aca0084711dacb082520894610044fbb5c11edabc3e560a465ba3e9ff03757f880de0b6b3a764000080c080a0ebe9c3a44d24697915c29866983fa0b82f1900a896288cbc74cdc2e4b4e17e0ca0295e0e33cb1d3b86e3f21785b407999722aa6fd08456aae9b005bc1fd63a97ff', '0xd9274341755a65daa1a96695b00213092df685eb806c2ef6f9f2173a4f8f66d1', 6, 9, '0x4af78f64dbb9dbadc5ef9a9dbeaeb1f33105834f5d0f20eb2ed2bc0ca5d16380', '[["eip155:31337/slip44:60","fee","28217230440000"]]', '[]', NULL, NULL, '\x7b22636865636b706f696e74223a22637573746f64792d77616c6c65742f6c6f672f363136363132643331623732656465312f315c6e335c6e4c45665437376b79447173524142784e613136384d5236306775416b55376e654c3236444f74526d7462303d5c6e5c6ee2809420637573746f64792d77616c6c65742f6c6f672f363136363132643331623732656465312f3120586a465364514d776b7976447a77454e3532565630577143546754344755524c7031677a32666e4d685a7a736d2b7750464c5551726561725331426e656465676978703471537a3046594f426776646c766b5a723974596e7967513d5c6e222c2268656164223a2238616362346133316434376430346337623738363338353938666335313438383234316665653539383336396333656463333532396365653739373639323663222c226d616e6461746573223a5b2263303665346239663065646536373737343131373166393630326235623163313534613961353333363661393665363363663039353134623263353730633433225d2c22707572706f7365223a22706179222c227265636f726473223a5b5b332c325d5d2c227369676e617475726573223a5b7b227075626c69635f6b6579223a22303237353764623263363330346366626633616333336165626634656132646430356364613262336639633833353037313762656130383161393235326633326234222c227369676e6174757265223a2265626539633361343464323436393739313563323938363639383366613062383266313930306138393632383863626337346364633265346234653137653063323935653065333363623164336238366533663231373835623430373939393732326161366664303834353661616539623030356263316664363361393766663030227d5d2c227369676e65645f6174223a22323032362d31312d32375431313a34373a32355a222c227472616e7366657273223a5b227466725f30327262776136657938366d7177356a7838776b7777626d3070225d2c2274785f646967657374223a2230393937313335346436343836373863643037656366336437653138303337396132353666303237393130323935396639366238626162623265353462373630227d', 3, '\x8acb4a31d47d04c7b78638598fc51488241fee598369c3edc3529cee7976926c', '2026-11-27 11:47:24.497295+00', '2026-11-27 11:47:25+00', '2026-11-27 11:47:25.494703+00', '2026-11-27 11:47:27.345788+00');
INSERT INTO public.transactions VALUES ('txn_01m8ed9tregk47w5t4d5cs3try', 'eip155:31337', 'vlt_01m8ed9q96wy4m4z3psgpzkmzd', 'pay', NULL, '0xb8877d3bf99262e00aEb7EC4718b995A2B533dBF', 'final', 5, '\x02f1827a6901843b9aca00846492ff9082520894137f8e4eebdc86d0ad1e39e9eedea29516e74830881bc16d674ec8000080c0', '0xb8877d3bf99262e00aEb7EC4718b995A2B533dBF', '\x02f874827a6901843b9aca00846492ff9082520894137f8e4eebdc86d0ad1e39e9eedea29516e74830881bc16d674ec8000080c001a0a2af466cc6a2dcdac17a6efa5b7034c76b51b10058c2b1ec398e58ea68bb1d5da013a4bb080e9c566c5704853e2975958b39fec5a4dfc0a874eb992c26567b4875', '0xbaf01c297be91870c56d3e1947d0b6eb1bef70f77d425603bfb69ccd97d44001', 8, 10, '0xfb87a2888994f93f6d910b886827833d8ec622a7f0b7de7c8c3c87bae3dff545', '[["eip155:31337/slip44:60","fee","27316339659000"]]', '[]', NULL, NULL, '\x7b22636865636b706f696e74223a22637573746f64792d77616c6c65742f6c6f672f363136363132643331623732656465312f315c6e345c6e4c7761674571324b586449664738655943337a2b386a6376736e596855763949317852557a424f765749673d5c6e5c6ee2809420637573746f64792d77616c6c65742f6c6f672f363136363132643331623732656465312f3120586a4653645242464b74676d505a61725a6844545456634876474b77596e636e5a6d577031442b54334471344a36567044474f3748414a5653316b557365712b524d73585637674d58534f714759742b444d574a726753524e51343d5c6e222c2268656164223a2235613335333164333034646639636366653531336463623961393332326364656263653263386532363235306665646330343338613961363031656537613561222c226d616e6461746573223a5b2235623864666435373035316363636130343437376233613566336265353566363666303064326532323161613738653631316561313964386466383362643334225d2c22707572706f7365223a22706179222c227265636f726473223a5b5b342c335d5d2c227369676e617475726573223a5b7b227075626c69635f6b6579223a22303237353764623263363330346366626633616333336165626634656132646430356364613262336639633833353037313762656130383161393235326633326234222c227369676e6174757265223a2261326166343636636336613264636461633137613665666135623730333463373662353162313030353863326231656333393865353865613638626231643564313361346262303830653963353636633537303438353365323937353935386233396665633561346466633061383734656239393263323635363762343837353031227d5d2c227369676e65645f6174223a22323032362d31312d32375431313a34373a32365a222c227472616e7366657273223a5b227466725f3162737a726679676e683065626a7a6d7077377379676e313730225d2c2274785f646967657374223a2266303535646465386266343238343862343264653065636462663834663731663662353231613665343135396533356133306462333262366561313466373062227d', 4, '\x5a3531d304df9ccfe513dcb9a9322cdebce2c8e26250fedc0438a9a601ee7a5a', '2026-11-27 11:47:25.5824+00', '2026-11-27 11:47:26+00', '2026-11-27 11:47:26.210162+00', '2026-11-27 11:47:27.938967+00');


--
-- Data for Name: transfers; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.transfers VALUES ('tfr_02rbwa6ey86mqw5jx8wkwwbm0p', 'ord_01m8ed9s7fchxnpmh3zhgwy9pv', 'cli_01m8ed9q6b22kj7k8scjmhpmnq', 'vlt_01m8ed9q96wy4m4z3psgpzkmzd', 'eip155:31337', 'eip155:31337/slip44:60', '0x610044fBB5C11EDabC3e560A465bA3E9Ff03757F', NULL, 1000000000000000000, 5000000000000000, NULL, 'robot', NULL, 'final', 3, NULL, NULL, '2026-11-27 11:47:24+00', '2026-11-27 11:47:27.345788+00');
INSERT INTO public.transfers VALUES ('tfr_1bszrfygnh0ebjzmpw7sygn170', 'ord_01m8ed9sa3qgz9wt9cftn8s8td', 'cli_01m8ed9q6b22kj7k8scjmhpmnq', 'vlt_01m8ed9q96wy4m4z3psgpzkmzd', 'eip155:31337', 'eip155:31337/slip44:60', '0x137F8e4eeBDC86d0ad1e39e9Eedea29516e74830', NULL, 2000000000000000000, 5000000000000000, NULL, 'robot', NULL, 'final', 4, NULL, NULL, '2026-11-27 11:47:24+00', '2026-11-27 11:47:27.938967+00');
INSERT INTO public.transfers VALUES ('tfr_04zk09end7y5yv0e764zh9w15s', 'ord_01m8ed9sp7ddy8jy7ka74cvjym', 'cli_01m8ed9q6b22kj7k8scjmhpmnq', 'vlt_01m8ed9q96wy4m4z3psgpzkmzd', 'eip155:31337', 'eip155:31337/slip44:60', '0x80C25DF8e354BD22c76b08F6E929F68f22182409', NULL, 2000000000000000000, 5000000000000000, NULL, 'robot', NULL, 'rejected', 2, NULL, 'by ada', '2026-11-27 11:47:24+00', '2026-11-27 11:47:24.538432+00');
INSERT INTO public.transfers VALUES ('tfr_1zvzp25tr6f9rt8zedzzh1ntpk', 'ord_01m8ed9t8rp1m4qxrt5trsxg1n', 'cli_01m8ed9q6b22kj7k8scjmhpmnq', 'vlt_01m8ed9q96wy4m4z3psgpzkmzd', 'eip155:31337', 'eip155:31337/slip44:60', '0xcCA9EDd305F7d9Ee07a496F6245FDc7B24Dac344', NULL, 2000000000000000000, 5000000000000000, NULL, 'robot', NULL, 'cancelled', 2, NULL, 'by robot', '2026-11-27 11:47:25+00', '2026-11-27 11:47:25.121511+00');
INSERT INTO public.transfers VALUES ('tfr_41xymwp2pmt14090nzn383e4j1', 'ord_01m8ed9tdwbny8szk9rq014nmy', 'cli_01m8ed9q6b22kj7k8scjmhpmnq', 'vlt_01m8ed9q96wy4m4z3psgpzkmzd', 'eip155:31337', 'eip155:31337/slip44:60', '0x04434430E00D24E7BA8d8e9B0Bf29E03e5642b8d', NULL, 2000000000000000000, 5000000000000000, NULL, 'robot', NULL, 'awaiting_approval', 1, NULL, NULL, '2026-11-27 11:47:25+00', '2026-11-27 11:47:25.244271+00');


--
-- Data for Name: unsequenced; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: vault_freezes; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.vault_freezes VALUES ('frz_01m8ed9xnadn73a31m7vqykf7z', 'vlt_01m8ed9q96wy4m4z3psgpzkmzd', 'a look at it', NULL, 'ada', '2026-11-27 11:47:28.391619+00', '2026-11-27 11:47:28.391619+00', 'ada', 'looked', NULL);


--
-- Data for Name: vault_openings; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.vault_openings VALUES ('vault_id', 'cli_01m8ed9q6b22kj7k8scjmhpmnq', 'name', '2026-01-01 00:00:00+00');


--
-- Data for Name: vaults; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.vaults VALUES ('vlt_01m8ed9q96wy4m4z3psgpzkmzd', 'cli_01m8ed9q6b22kj7k8scjmhpmnq', 'Treasury', 0, 2, '\x787c5bfb747b7e46c3059acb9200b2a55337b5113ceed687c50a9bab58f6918a', NULL, '2026-11-27 11:47:22.062666+00');


--
-- Name: addresses_seq_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.addresses_seq_seq', 2, false);


--
-- Name: events_seq_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.events_seq_seq', 33, false);


--
-- Name: outbox_seq_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.outbox_seq_seq', 2, false);


--
-- Name: unsequenced_seq_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.unsequenced_seq_seq', 1, false);


--
-- Name: alembic_version alembic_version_pkc; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);


--
-- Name: addresses pk_addresses; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.addresses
    ADD CONSTRAINT pk_addresses PRIMARY KEY (seq);


--
-- Name: alarms pk_alarms; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.alarms
    ADD CONSTRAINT pk_alarms PRIMARY KEY (id);


--
-- Name: api_keys pk_api_keys; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT pk_api_keys PRIMARY KEY (id);


--
-- Name: approvals pk_approvals; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.approvals
    ADD CONSTRAINT pk_approvals PRIMARY KEY (id);


--
-- Name: blocks pk_blocks; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.blocks
    ADD CONSTRAINT pk_blocks PRIMARY KEY (network, height);


--
-- Name: claim_holders pk_claim_holders; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.claim_holders
    ADD CONSTRAINT pk_claim_holders PRIMARY KEY (key, transaction_id);


--
-- Name: claims pk_claims; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.claims
    ADD CONSTRAINT pk_claims PRIMARY KEY (key);


--
-- Name: clients pk_clients; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.clients
    ADD CONSTRAINT pk_clients PRIMARY KEY (id);


--
-- Name: coins pk_coins; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.coins
    ADD CONSTRAINT pk_coins PRIMARY KEY (network, txid, "position");


--
-- Name: consumptions pk_consumptions; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.consumptions
    ADD CONSTRAINT pk_consumptions PRIMARY KEY (network, key);


--
-- Name: deposits pk_deposits; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.deposits
    ADD CONSTRAINT pk_deposits PRIMARY KEY (id);


--
-- Name: events pk_events; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.events
    ADD CONSTRAINT pk_events PRIMARY KEY (seq);


--
-- Name: follow_states pk_follow_states; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.follow_states
    ADD CONSTRAINT pk_follow_states PRIMARY KEY (network);


--
-- Name: followers pk_followers; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.followers
    ADD CONSTRAINT pk_followers PRIMARY KEY (network);


--
-- Name: foreign_debits pk_foreign_debits; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.foreign_debits
    ADD CONSTRAINT pk_foreign_debits PRIMARY KEY (id);


--
-- Name: idempotency pk_idempotency; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.idempotency
    ADD CONSTRAINT pk_idempotency PRIMARY KEY (scope, key);


--
-- Name: leases pk_leases; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.leases
    ADD CONSTRAINT pk_leases PRIMARY KEY (name);


--
-- Name: ledger_accounts pk_ledger_accounts; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.ledger_accounts
    ADD CONSTRAINT pk_ledger_accounts PRIMARY KEY (id);


--
-- Name: ledger_entries pk_ledger_entries; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.ledger_entries
    ADD CONSTRAINT pk_ledger_entries PRIMARY KEY (id);


--
-- Name: mandates pk_mandates; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.mandates
    ADD CONSTRAINT pk_mandates PRIMARY KEY (transfer_id, version);


--
-- Name: outbox pk_outbox; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.outbox
    ADD CONSTRAINT pk_outbox PRIMARY KEY (seq);


--
-- Name: passes pk_passes; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.passes
    ADD CONSTRAINT pk_passes PRIMARY KEY (id);


--
-- Name: policy_versions pk_policy_versions; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.policy_versions
    ADD CONSTRAINT pk_policy_versions PRIMARY KEY (digest);


--
-- Name: readings pk_readings; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.readings
    ADD CONSTRAINT pk_readings PRIMARY KEY (network, first_height);


--
-- Name: reconciled pk_reconciled; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.reconciled
    ADD CONSTRAINT pk_reconciled PRIMARY KEY (vault_id, asset);


--
-- Name: reservations pk_reservations; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.reservations
    ADD CONSTRAINT pk_reservations PRIMARY KEY (transfer_id, mandate_version, asset, kind);


--
-- Name: sequenced_entries pk_sequenced_entries; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sequenced_entries
    ADD CONSTRAINT pk_sequenced_entries PRIMARY KEY ("position");


--
-- Name: sequenced_events pk_sequenced_events; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sequenced_events
    ADD CONSTRAINT pk_sequenced_events PRIMARY KEY ("position");


--
-- Name: sightings pk_sightings; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sightings
    ADD CONSTRAINT pk_sightings PRIMARY KEY (network, txid, block_height);


--
-- Name: signer_checkpoints pk_signer_checkpoints; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.signer_checkpoints
    ADD CONSTRAINT pk_signer_checkpoints PRIMARY KEY (origin);


--
-- Name: signer_journal pk_signer_journal; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.signer_journal
    ADD CONSTRAINT pk_signer_journal PRIMARY KEY (id);


--
-- Name: spends pk_spends; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.spends
    ADD CONSTRAINT pk_spends PRIMARY KEY (account, place);


--
-- Name: suspense_decisions pk_suspense_decisions; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.suspense_decisions
    ADD CONSTRAINT pk_suspense_decisions PRIMARY KEY (id);


--
-- Name: transaction_transfers pk_transaction_transfers; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.transaction_transfers
    ADD CONSTRAINT pk_transaction_transfers PRIMARY KEY (transaction_id, transfer_id);


--
-- Name: transactions pk_transactions; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.transactions
    ADD CONSTRAINT pk_transactions PRIMARY KEY (id);


--
-- Name: transfers pk_transfers; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.transfers
    ADD CONSTRAINT pk_transfers PRIMARY KEY (id);


--
-- Name: unsequenced pk_unsequenced; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.unsequenced
    ADD CONSTRAINT pk_unsequenced PRIMARY KEY (seq);


--
-- Name: vault_freezes pk_vault_freezes; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.vault_freezes
    ADD CONSTRAINT pk_vault_freezes PRIMARY KEY (id);


--
-- Name: vault_openings pk_vault_openings; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.vault_openings
    ADD CONSTRAINT pk_vault_openings PRIMARY KEY (vault_id);


--
-- Name: vaults pk_vaults; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.vaults
    ADD CONSTRAINT pk_vaults PRIMARY KEY (id);


--
-- Name: addresses uq_addresses_id; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.addresses
    ADD CONSTRAINT uq_addresses_id UNIQUE (id);


--
-- Name: addresses uq_addresses_network_address; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.addresses
    ADD CONSTRAINT uq_addresses_network_address UNIQUE (network, address);


--
-- Name: addresses uq_addresses_vault_id_network_address_type_change_position; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.addresses
    ADD CONSTRAINT uq_addresses_vault_id_network_address_type_change_position UNIQUE (vault_id, network, address_type, change, "position");


--
-- Name: alarms uq_alarms_open_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.alarms
    ADD CONSTRAINT uq_alarms_open_key UNIQUE (open_key);


--
-- Name: api_keys uq_api_keys_digest; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT uq_api_keys_digest UNIQUE (digest);


--
-- Name: approvals uq_approvals_mandate_digest_approver; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.approvals
    ADD CONSTRAINT uq_approvals_mandate_digest_approver UNIQUE (mandate_digest, approver);


--
-- Name: deposits uq_deposits_network_block_hash_txid_place; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.deposits
    ADD CONSTRAINT uq_deposits_network_block_hash_txid_place UNIQUE (network, block_hash, txid, place);


--
-- Name: foreign_debits uq_foreign_debits_network_block_hash_txid_place; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.foreign_debits
    ADD CONSTRAINT uq_foreign_debits_network_block_hash_txid_place UNIQUE (network, block_hash, txid, place);


--
-- Name: leases uq_leases_name_epoch; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.leases
    ADD CONSTRAINT uq_leases_name_epoch UNIQUE (name, epoch);


--
-- Name: ledger_accounts uq_ledger_accounts_vault_id_asset_kind; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.ledger_accounts
    ADD CONSTRAINT uq_ledger_accounts_vault_id_asset_kind UNIQUE (vault_id, asset, kind);


--
-- Name: ledger_entries uq_ledger_entries_pending_id; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.ledger_entries
    ADD CONSTRAINT uq_ledger_entries_pending_id UNIQUE (pending_id);


--
-- Name: mandates uq_mandates_digest; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.mandates
    ADD CONSTRAINT uq_mandates_digest UNIQUE (digest);


--
-- Name: sequenced_entries uq_sequenced_entries_client_id_sequence; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sequenced_entries
    ADD CONSTRAINT uq_sequenced_entries_client_id_sequence UNIQUE (client_id, sequence);


--
-- Name: sequenced_events uq_sequenced_events_client_id_sequence; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sequenced_events
    ADD CONSTRAINT uq_sequenced_events_client_id_sequence UNIQUE (client_id, sequence);


--
-- Name: sequenced_events uq_sequenced_events_event_seq; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sequenced_events
    ADD CONSTRAINT uq_sequenced_events_event_seq UNIQUE (event_seq);


--
-- Name: transfers uq_transfers_ordinal; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.transfers
    ADD CONSTRAINT uq_transfers_ordinal UNIQUE (ordinal);


--
-- Name: vault_freezes uq_vault_freezes_open_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.vault_freezes
    ADD CONSTRAINT uq_vault_freezes_open_key UNIQUE (open_key);


--
-- Name: vaults uq_vaults_account; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.vaults
    ADD CONSTRAINT uq_vaults_account UNIQUE (account);


--
-- Name: ix_addresses_network_seq; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_addresses_network_seq ON public.addresses USING btree (network, seq);


--
-- Name: ix_addresses_vault_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_addresses_vault_id ON public.addresses USING btree (vault_id);


--
-- Name: ix_alarms_code; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_alarms_code ON public.alarms USING btree (code);


--
-- Name: ix_approvals_transfer_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_approvals_transfer_id ON public.approvals USING btree (transfer_id);


--
-- Name: ix_claim_holders_transaction_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_claim_holders_transaction_id ON public.claim_holders USING btree (transaction_id);


--
-- Name: ix_claims_network; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_claims_network ON public.claims USING btree (network);


--
-- Name: ix_coins_vault_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_coins_vault_id ON public.coins USING btree (vault_id);


--
-- Name: ix_consumptions_network_height; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_consumptions_network_height ON public.consumptions USING btree (network, block_height);


--
-- Name: ix_deposits_client_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_deposits_client_id ON public.deposits USING btree (client_id);


--
-- Name: ix_deposits_network_state; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_deposits_network_state ON public.deposits USING btree (network, state);


--
-- Name: ix_deposits_network_txid; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_deposits_network_txid ON public.deposits USING btree (network, txid);


--
-- Name: ix_deposits_vault_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_deposits_vault_id ON public.deposits USING btree (vault_id);


--
-- Name: ix_events_subject; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_events_subject ON public.events USING btree (subject);


--
-- Name: ix_foreign_debits_client_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_foreign_debits_client_id ON public.foreign_debits USING btree (client_id);


--
-- Name: ix_foreign_debits_network_state; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_foreign_debits_network_state ON public.foreign_debits USING btree (network, state);


--
-- Name: ix_foreign_debits_network_txid; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_foreign_debits_network_txid ON public.foreign_debits USING btree (network, txid);


--
-- Name: ix_foreign_debits_vault_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_foreign_debits_vault_id ON public.foreign_debits USING btree (vault_id);


--
-- Name: ix_ledger_accounts_vault_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_ledger_accounts_vault_id ON public.ledger_accounts USING btree (vault_id);


--
-- Name: ix_ledger_entries_credit_account; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_ledger_entries_credit_account ON public.ledger_entries USING btree (credit_account);


--
-- Name: ix_ledger_entries_debit_account; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_ledger_entries_debit_account ON public.ledger_entries USING btree (debit_account);


--
-- Name: ix_ledger_entries_subject; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_ledger_entries_subject ON public.ledger_entries USING btree (subject);


--
-- Name: ix_mandates_state_expires_at; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_mandates_state_expires_at ON public.mandates USING btree (state, expires_at);


--
-- Name: ix_outbox_network; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_outbox_network ON public.outbox USING btree (network);


--
-- Name: ix_outbox_subject; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_outbox_subject ON public.outbox USING btree (subject);


--
-- Name: ix_passes_network; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_passes_network ON public.passes USING btree (network);


--
-- Name: ix_sequenced_entries_entry_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_sequenced_entries_entry_id ON public.sequenced_entries USING btree (entry_id);


--
-- Name: ix_sightings_network_height; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_sightings_network_height ON public.sightings USING btree (network, block_height);


--
-- Name: ix_spends_edge; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_spends_edge ON public.spends USING btree (account, newest_at, place);


--
-- Name: ix_spends_transfer_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_spends_transfer_id ON public.spends USING btree (transfer_id);


--
-- Name: ix_suspense_decisions_vault_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_suspense_decisions_vault_id ON public.suspense_decisions USING btree (vault_id);


--
-- Name: ix_transaction_transfers_transfer_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_transaction_transfers_transfer_id ON public.transaction_transfers USING btree (transfer_id);


--
-- Name: ix_transactions_network_state; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_transactions_network_state ON public.transactions USING btree (network, state);


--
-- Name: ix_transactions_receipt_sequence; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_transactions_receipt_sequence ON public.transactions USING btree (receipt_sequence);


--
-- Name: ix_transactions_txid; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_transactions_txid ON public.transactions USING btree (txid);


--
-- Name: ix_transactions_vault_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_transactions_vault_id ON public.transactions USING btree (vault_id);


--
-- Name: ix_transfers_client_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_transfers_client_id ON public.transfers USING btree (client_id);


--
-- Name: ix_transfers_network_state; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_transfers_network_state ON public.transfers USING btree (network, state);


--
-- Name: ix_transfers_vault_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_transfers_vault_id ON public.transfers USING btree (vault_id);


--
-- Name: ix_vault_freezes_vault_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_vault_freezes_vault_id ON public.vault_freezes USING btree (vault_id);


--
-- Name: ix_vaults_client_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_vaults_client_id ON public.vaults USING btree (client_id);


--
-- Name: addresses addresses_no_delete; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER addresses_no_delete BEFORE DELETE ON public.addresses FOR EACH ROW EXECUTE FUNCTION public.refuse_change();


--
-- Name: addresses addresses_no_truncate; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER addresses_no_truncate BEFORE TRUNCATE ON public.addresses FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();


--
-- Name: addresses addresses_no_update; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER addresses_no_update BEFORE UPDATE ON public.addresses FOR EACH ROW WHEN (((old.seq IS DISTINCT FROM new.seq) OR ((old.id)::text IS DISTINCT FROM (new.id)::text) OR ((old.vault_id)::text IS DISTINCT FROM (new.vault_id)::text) OR ((old.network)::text IS DISTINCT FROM (new.network)::text) OR ((old.address)::text IS DISTINCT FROM (new.address)::text) OR ((old.address_type)::text IS DISTINCT FROM (new.address_type)::text) OR (old.change IS DISTINCT FROM new.change) OR (old."position" IS DISTINCT FROM new."position") OR ((old.path)::text IS DISTINCT FROM (new.path)::text) OR (old.public_key IS DISTINCT FROM new.public_key) OR (old.created_at IS DISTINCT FROM new.created_at))) EXECUTE FUNCTION public.refuse_change();


--
-- Name: alarms alarms_no_delete; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER alarms_no_delete BEFORE DELETE ON public.alarms FOR EACH ROW EXECUTE FUNCTION public.refuse_change();


--
-- Name: alarms alarms_no_truncate; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER alarms_no_truncate BEFORE TRUNCATE ON public.alarms FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();


--
-- Name: alarms alarms_no_update; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER alarms_no_update BEFORE UPDATE ON public.alarms FOR EACH ROW WHEN ((((old.id)::text IS DISTINCT FROM (new.id)::text) OR ((old.code)::text IS DISTINCT FROM (new.code)::text) OR ((old.network)::text IS DISTINCT FROM (new.network)::text) OR ((old.vault_id)::text IS DISTINCT FROM (new.vault_id)::text) OR (old.created_at IS DISTINCT FROM new.created_at) OR ((old.cleared_at IS NOT NULL) AND (old.cleared_at IS DISTINCT FROM new.cleared_at)) OR ((old.cleared_by IS NOT NULL) AND ((old.cleared_by)::text IS DISTINCT FROM (new.cleared_by)::text)) OR ((old.cleared_reason IS NOT NULL) AND ((old.cleared_reason)::text IS DISTINCT FROM (new.cleared_reason)::text)))) EXECUTE FUNCTION public.refuse_change();


--
-- Name: alarms alarms_tell_change; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER alarms_tell_change AFTER UPDATE ON public.alarms FOR EACH ROW WHEN ((((old.message)::text IS DISTINCT FROM (new.message)::text) OR (old.cleared_at IS DISTINCT FROM new.cleared_at))) EXECUTE FUNCTION public.tell_alarms();


--
-- Name: alarms alarms_tell_create; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER alarms_tell_create AFTER INSERT ON public.alarms FOR EACH ROW EXECUTE FUNCTION public.tell_alarms();


--
-- Name: api_keys api_keys_no_delete; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER api_keys_no_delete BEFORE DELETE ON public.api_keys FOR EACH ROW EXECUTE FUNCTION public.refuse_change();


--
-- Name: api_keys api_keys_no_truncate; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER api_keys_no_truncate BEFORE TRUNCATE ON public.api_keys FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();


--
-- Name: api_keys api_keys_no_update; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER api_keys_no_update BEFORE UPDATE ON public.api_keys FOR EACH ROW WHEN ((((old.id)::text IS DISTINCT FROM (new.id)::text) OR ((old.initiator)::text IS DISTINCT FROM (new.initiator)::text) OR (old.digest IS DISTINCT FROM new.digest) OR ((old.scopes)::text IS DISTINCT FROM (new.scopes)::text) OR ((old.client_id)::text IS DISTINCT FROM (new.client_id)::text) OR (old.created_at IS DISTINCT FROM new.created_at) OR ((old.revoked_at IS NOT NULL) AND (old.revoked_at IS DISTINCT FROM new.revoked_at)))) EXECUTE FUNCTION public.refuse_change();


--
-- Name: approvals approvals_no_delete; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER approvals_no_delete BEFORE DELETE ON public.approvals FOR EACH ROW EXECUTE FUNCTION public.refuse_change();


--
-- Name: approvals approvals_no_truncate; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER approvals_no_truncate BEFORE TRUNCATE ON public.approvals FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();


--
-- Name: approvals approvals_no_update; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER approvals_no_update BEFORE UPDATE ON public.approvals FOR EACH ROW EXECUTE FUNCTION public.refuse_change();


--
-- Name: approvals approvals_tell_create; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER approvals_tell_create AFTER INSERT ON public.approvals FOR EACH ROW EXECUTE FUNCTION public.tell_approvals();


--
-- Name: deposits deposits_no_delete; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER deposits_no_delete BEFORE DELETE ON public.deposits FOR EACH ROW EXECUTE FUNCTION public.refuse_change();


--
-- Name: deposits deposits_no_truncate; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER deposits_no_truncate BEFORE TRUNCATE ON public.deposits FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();


--
-- Name: deposits deposits_no_update; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER deposits_no_update BEFORE UPDATE ON public.deposits FOR EACH ROW WHEN ((((old.id)::text IS DISTINCT FROM (new.id)::text) OR ((old.network)::text IS DISTINCT FROM (new.network)::text) OR ((old.asset)::text IS DISTINCT FROM (new.asset)::text) OR ((old.client_id)::text IS DISTINCT FROM (new.client_id)::text) OR ((old.vault_id)::text IS DISTINCT FROM (new.vault_id)::text) OR ((old.address_id)::text IS DISTINCT FROM (new.address_id)::text) OR ((old.txid)::text IS DISTINCT FROM (new.txid)::text) OR ((old.place)::text IS DISTINCT FROM (new.place)::text) OR (old.amount IS DISTINCT FROM new.amount) OR (old.block_height IS DISTINCT FROM new.block_height) OR ((old.block_hash)::text IS DISTINCT FROM (new.block_hash)::text) OR (old.created_at IS DISTINCT FROM new.created_at))) EXECUTE FUNCTION public.refuse_change();


--
-- Name: deposits deposits_tell_change; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER deposits_tell_change AFTER UPDATE ON public.deposits FOR EACH ROW WHEN (((old.state)::text IS DISTINCT FROM (new.state)::text)) EXECUTE FUNCTION public.tell_deposits();


--
-- Name: deposits deposits_tell_create; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER deposits_tell_create AFTER INSERT ON public.deposits FOR EACH ROW EXECUTE FUNCTION public.tell_deposits();


--
-- Name: events events_no_delete; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER events_no_delete BEFORE DELETE ON public.events FOR EACH ROW EXECUTE FUNCTION public.refuse_change();


--
-- Name: events events_no_truncate; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER events_no_truncate BEFORE TRUNCATE ON public.events FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();


--
-- Name: events events_no_update; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER events_no_update BEFORE UPDATE ON public.events FOR EACH ROW EXECUTE FUNCTION public.refuse_change();


--
-- Name: events events_queue; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER events_queue AFTER INSERT ON public.events FOR EACH ROW EXECUTE FUNCTION public.queue_events();


--
-- Name: foreign_debits foreign_debits_no_delete; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER foreign_debits_no_delete BEFORE DELETE ON public.foreign_debits FOR EACH ROW EXECUTE FUNCTION public.refuse_change();


--
-- Name: foreign_debits foreign_debits_no_truncate; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER foreign_debits_no_truncate BEFORE TRUNCATE ON public.foreign_debits FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();


--
-- Name: foreign_debits foreign_debits_no_update; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER foreign_debits_no_update BEFORE UPDATE ON public.foreign_debits FOR EACH ROW WHEN ((((old.id)::text IS DISTINCT FROM (new.id)::text) OR ((old.network)::text IS DISTINCT FROM (new.network)::text) OR ((old.asset)::text IS DISTINCT FROM (new.asset)::text) OR ((old.client_id)::text IS DISTINCT FROM (new.client_id)::text) OR ((old.vault_id)::text IS DISTINCT FROM (new.vault_id)::text) OR ((old.address)::text IS DISTINCT FROM (new.address)::text) OR ((old.txid)::text IS DISTINCT FROM (new.txid)::text) OR ((old.place)::text IS DISTINCT FROM (new.place)::text) OR (old.amount IS DISTINCT FROM new.amount) OR ((old.account)::text IS DISTINCT FROM (new.account)::text) OR (old.block_height IS DISTINCT FROM new.block_height) OR ((old.block_hash)::text IS DISTINCT FROM (new.block_hash)::text) OR (old.created_at IS DISTINCT FROM new.created_at))) EXECUTE FUNCTION public.refuse_change();


--
-- Name: ledger_entries ledger_entries_no_delete; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER ledger_entries_no_delete BEFORE DELETE ON public.ledger_entries FOR EACH ROW EXECUTE FUNCTION public.refuse_change();


--
-- Name: ledger_entries ledger_entries_no_truncate; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER ledger_entries_no_truncate BEFORE TRUNCATE ON public.ledger_entries FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();


--
-- Name: ledger_entries ledger_entries_no_update; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER ledger_entries_no_update BEFORE UPDATE ON public.ledger_entries FOR EACH ROW EXECUTE FUNCTION public.refuse_change();


--
-- Name: ledger_entries ledger_entries_queue; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER ledger_entries_queue AFTER INSERT ON public.ledger_entries FOR EACH ROW EXECUTE FUNCTION public.queue_ledger_entries();


--
-- Name: mandates mandates_no_delete; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER mandates_no_delete BEFORE DELETE ON public.mandates FOR EACH ROW EXECUTE FUNCTION public.refuse_change();


--
-- Name: mandates mandates_no_truncate; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER mandates_no_truncate BEFORE TRUNCATE ON public.mandates FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();


--
-- Name: mandates mandates_no_update; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER mandates_no_update BEFORE UPDATE ON public.mandates FOR EACH ROW WHEN ((((old.transfer_id)::text IS DISTINCT FROM (new.transfer_id)::text) OR (old.version IS DISTINCT FROM new.version) OR (old.document IS DISTINCT FROM new.document) OR (old.digest IS DISTINCT FROM new.digest) OR ((old.costs_max)::text IS DISTINCT FROM (new.costs_max)::text) OR (old.offered_at IS DISTINCT FROM new.offered_at) OR (old.expires_at IS DISTINCT FROM new.expires_at))) EXECUTE FUNCTION public.refuse_change();


--
-- Name: passes passes_no_delete; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER passes_no_delete BEFORE DELETE ON public.passes FOR EACH ROW EXECUTE FUNCTION public.refuse_change();


--
-- Name: passes passes_no_truncate; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER passes_no_truncate BEFORE TRUNCATE ON public.passes FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();


--
-- Name: passes passes_no_update; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER passes_no_update BEFORE UPDATE ON public.passes FOR EACH ROW EXECUTE FUNCTION public.refuse_change();


--
-- Name: policy_versions policy_versions_no_delete; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER policy_versions_no_delete BEFORE DELETE ON public.policy_versions FOR EACH ROW EXECUTE FUNCTION public.refuse_change();


--
-- Name: policy_versions policy_versions_no_truncate; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER policy_versions_no_truncate BEFORE TRUNCATE ON public.policy_versions FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();


--
-- Name: policy_versions policy_versions_no_update; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER policy_versions_no_update BEFORE UPDATE ON public.policy_versions FOR EACH ROW EXECUTE FUNCTION public.refuse_change();


--
-- Name: reservations reservations_no_delete; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER reservations_no_delete BEFORE DELETE ON public.reservations FOR EACH ROW EXECUTE FUNCTION public.refuse_change();


--
-- Name: reservations reservations_no_truncate; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER reservations_no_truncate BEFORE TRUNCATE ON public.reservations FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();


--
-- Name: reservations reservations_no_update; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER reservations_no_update BEFORE UPDATE ON public.reservations FOR EACH ROW WHEN ((((old.transfer_id)::text IS DISTINCT FROM (new.transfer_id)::text) OR (old.mandate_version IS DISTINCT FROM new.mandate_version) OR ((old.asset)::text IS DISTINCT FROM (new.asset)::text) OR ((old.kind)::text IS DISTINCT FROM (new.kind)::text) OR (old.amount IS DISTINCT FROM new.amount))) EXECUTE FUNCTION public.refuse_change();


--
-- Name: sequenced_entries sequenced_entries_no_delete; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER sequenced_entries_no_delete BEFORE DELETE ON public.sequenced_entries FOR EACH ROW EXECUTE FUNCTION public.refuse_change();


--
-- Name: sequenced_entries sequenced_entries_no_truncate; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER sequenced_entries_no_truncate BEFORE TRUNCATE ON public.sequenced_entries FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();


--
-- Name: sequenced_entries sequenced_entries_no_update; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER sequenced_entries_no_update BEFORE UPDATE ON public.sequenced_entries FOR EACH ROW EXECUTE FUNCTION public.refuse_change();


--
-- Name: sequenced_events sequenced_events_no_delete; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER sequenced_events_no_delete BEFORE DELETE ON public.sequenced_events FOR EACH ROW EXECUTE FUNCTION public.refuse_change();


--
-- Name: sequenced_events sequenced_events_no_truncate; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER sequenced_events_no_truncate BEFORE TRUNCATE ON public.sequenced_events FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();


--
-- Name: sequenced_events sequenced_events_no_update; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER sequenced_events_no_update BEFORE UPDATE ON public.sequenced_events FOR EACH ROW EXECUTE FUNCTION public.refuse_change();


--
-- Name: signer_checkpoints signer_checkpoints_no_delete; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER signer_checkpoints_no_delete BEFORE DELETE ON public.signer_checkpoints FOR EACH ROW EXECUTE FUNCTION public.refuse_change();


--
-- Name: signer_checkpoints signer_checkpoints_no_truncate; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER signer_checkpoints_no_truncate BEFORE TRUNCATE ON public.signer_checkpoints FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();


--
-- Name: signer_checkpoints signer_checkpoints_no_update; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER signer_checkpoints_no_update BEFORE UPDATE ON public.signer_checkpoints FOR EACH ROW WHEN ((((old.origin)::text IS DISTINCT FROM (new.origin)::text) OR (old.log_key IS DISTINCT FROM new.log_key) OR ((old.contradiction IS NOT NULL) AND ((old.contradiction)::text IS DISTINCT FROM (new.contradiction)::text)))) EXECUTE FUNCTION public.refuse_change();


--
-- Name: spends spends_no_delete; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER spends_no_delete BEFORE DELETE ON public.spends FOR EACH ROW EXECUTE FUNCTION public.refuse_change();


--
-- Name: spends spends_no_truncate; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER spends_no_truncate BEFORE TRUNCATE ON public.spends FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();


--
-- Name: spends spends_no_update; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER spends_no_update BEFORE UPDATE ON public.spends FOR EACH ROW EXECUTE FUNCTION public.refuse_change();


--
-- Name: suspense_decisions suspense_decisions_no_delete; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER suspense_decisions_no_delete BEFORE DELETE ON public.suspense_decisions FOR EACH ROW EXECUTE FUNCTION public.refuse_change();


--
-- Name: suspense_decisions suspense_decisions_no_truncate; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER suspense_decisions_no_truncate BEFORE TRUNCATE ON public.suspense_decisions FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();


--
-- Name: suspense_decisions suspense_decisions_no_update; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER suspense_decisions_no_update BEFORE UPDATE ON public.suspense_decisions FOR EACH ROW EXECUTE FUNCTION public.refuse_change();


--
-- Name: transaction_transfers transaction_transfers_no_delete; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER transaction_transfers_no_delete BEFORE DELETE ON public.transaction_transfers FOR EACH ROW EXECUTE FUNCTION public.refuse_change();


--
-- Name: transaction_transfers transaction_transfers_no_truncate; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER transaction_transfers_no_truncate BEFORE TRUNCATE ON public.transaction_transfers FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();


--
-- Name: transaction_transfers transaction_transfers_no_update; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER transaction_transfers_no_update BEFORE UPDATE ON public.transaction_transfers FOR EACH ROW EXECUTE FUNCTION public.refuse_change();


--
-- Name: transactions transactions_no_delete; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER transactions_no_delete BEFORE DELETE ON public.transactions FOR EACH ROW EXECUTE FUNCTION public.refuse_change();


--
-- Name: transactions transactions_no_truncate; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER transactions_no_truncate BEFORE TRUNCATE ON public.transactions FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();


--
-- Name: transactions transactions_no_update; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER transactions_no_update BEFORE UPDATE ON public.transactions FOR EACH ROW WHEN ((((old.id)::text IS DISTINCT FROM (new.id)::text) OR ((old.network)::text IS DISTINCT FROM (new.network)::text) OR ((old.vault_id)::text IS DISTINCT FROM (new.vault_id)::text) OR ((old.purpose)::text IS DISTINCT FROM (new.purpose)::text) OR ((old.replaces)::text IS DISTINCT FROM (new.replaces)::text) OR ((old.source)::text IS DISTINCT FROM (new.source)::text) OR (old.created_at IS DISTINCT FROM new.created_at) OR ((old.payload IS NOT NULL) AND (old.payload IS DISTINCT FROM new.payload)) OR ((old.sender IS NOT NULL) AND ((old.sender)::text IS DISTINCT FROM (new.sender)::text)) OR ((old.raw IS NOT NULL) AND (old.raw IS DISTINCT FROM new.raw)) OR ((old.txid IS NOT NULL) AND ((old.txid)::text IS DISTINCT FROM (new.txid)::text)) OR ((old.receipt IS NOT NULL) AND (old.receipt IS DISTINCT FROM new.receipt)) OR ((old.receipt_sequence IS NOT NULL) AND (old.receipt_sequence IS DISTINCT FROM new.receipt_sequence)) OR ((old.receipt_head IS NOT NULL) AND (old.receipt_head IS DISTINCT FROM new.receipt_head)) OR ((old.receipt IS NOT NULL) AND (old.receipt IS DISTINCT FROM new.receipt)) OR ((old.signed_at IS NOT NULL) AND (old.signed_at IS DISTINCT FROM new.signed_at)) OR ((old.broadcast_at IS NOT NULL) AND (old.broadcast_at IS DISTINCT FROM new.broadcast_at)))) EXECUTE FUNCTION public.refuse_change();


--
-- Name: transfers transfers_no_delete; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER transfers_no_delete BEFORE DELETE ON public.transfers FOR EACH ROW EXECUTE FUNCTION public.refuse_change();


--
-- Name: transfers transfers_no_truncate; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER transfers_no_truncate BEFORE TRUNCATE ON public.transfers FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();


--
-- Name: transfers transfers_no_update; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER transfers_no_update BEFORE UPDATE ON public.transfers FOR EACH ROW WHEN ((((old.id)::text IS DISTINCT FROM (new.id)::text) OR ((old.ordinal)::text IS DISTINCT FROM (new.ordinal)::text) OR ((old.client_id)::text IS DISTINCT FROM (new.client_id)::text) OR ((old.vault_id)::text IS DISTINCT FROM (new.vault_id)::text) OR ((old.network)::text IS DISTINCT FROM (new.network)::text) OR ((old.asset)::text IS DISTINCT FROM (new.asset)::text) OR ((old.destination)::text IS DISTINCT FROM (new.destination)::text) OR ((old.memo)::text IS DISTINCT FROM (new.memo)::text) OR (old.amount IS DISTINCT FROM new.amount) OR ((old.note)::text IS DISTINCT FROM (new.note)::text) OR ((old.initiator)::text IS DISTINCT FROM (new.initiator)::text) OR ((old.retry_of)::text IS DISTINCT FROM (new.retry_of)::text) OR (old.requested_at IS DISTINCT FROM new.requested_at))) EXECUTE FUNCTION public.refuse_change();


--
-- Name: unsequenced unsequenced_no_forget; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER unsequenced_no_forget BEFORE DELETE ON public.unsequenced FOR EACH ROW EXECUTE FUNCTION public.refuse_forgetting();


--
-- Name: vault_freezes vault_freezes_no_delete; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER vault_freezes_no_delete BEFORE DELETE ON public.vault_freezes FOR EACH ROW EXECUTE FUNCTION public.refuse_change();


--
-- Name: vault_freezes vault_freezes_no_truncate; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER vault_freezes_no_truncate BEFORE TRUNCATE ON public.vault_freezes FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();


--
-- Name: vault_freezes vault_freezes_no_update; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER vault_freezes_no_update BEFORE UPDATE ON public.vault_freezes FOR EACH ROW WHEN ((((old.id)::text IS DISTINCT FROM (new.id)::text) OR ((old.vault_id)::text IS DISTINCT FROM (new.vault_id)::text) OR ((old.reason)::text IS DISTINCT FROM (new.reason)::text) OR ((old.frozen_by)::text IS DISTINCT FROM (new.frozen_by)::text) OR (old.created_at IS DISTINCT FROM new.created_at) OR ((old.ended_at IS NOT NULL) AND (old.ended_at IS DISTINCT FROM new.ended_at)) OR ((old.ended_by IS NOT NULL) AND ((old.ended_by)::text IS DISTINCT FROM (new.ended_by)::text)) OR ((old.ended_reason IS NOT NULL) AND ((old.ended_reason)::text IS DISTINCT FROM (new.ended_reason)::text)) OR ((old.difference IS NOT NULL) AND ((old.difference)::text IS DISTINCT FROM (new.difference)::text)))) EXECUTE FUNCTION public.refuse_change();


--
-- Name: vault_freezes vault_freezes_tell_change; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER vault_freezes_tell_change AFTER UPDATE ON public.vault_freezes FOR EACH ROW WHEN ((old.ended_at IS DISTINCT FROM new.ended_at)) EXECUTE FUNCTION public.tell_vault_freezes();


--
-- Name: vault_freezes vault_freezes_tell_create; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER vault_freezes_tell_create AFTER INSERT ON public.vault_freezes FOR EACH ROW EXECUTE FUNCTION public.tell_vault_freezes();


--
-- Name: vaults vaults_no_delete; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER vaults_no_delete BEFORE DELETE ON public.vaults FOR EACH ROW EXECUTE FUNCTION public.refuse_change();


--
-- Name: vaults vaults_no_truncate; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER vaults_no_truncate BEFORE TRUNCATE ON public.vaults FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();


--
-- Name: vaults vaults_no_update; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER vaults_no_update BEFORE UPDATE ON public.vaults FOR EACH ROW WHEN ((((old.id)::text IS DISTINCT FROM (new.id)::text) OR ((old.client_id)::text IS DISTINCT FROM (new.client_id)::text) OR (old.account IS DISTINCT FROM new.account) OR (old.opened_sequence IS DISTINCT FROM new.opened_sequence) OR (old.opened_head IS DISTINCT FROM new.opened_head) OR (old.created_at IS DISTINCT FROM new.created_at))) EXECUTE FUNCTION public.refuse_change();


--
-- Name: addresses fk_addresses_vault_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.addresses
    ADD CONSTRAINT fk_addresses_vault_id FOREIGN KEY (vault_id) REFERENCES public.vaults(id);


--
-- Name: api_keys fk_api_keys_client_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT fk_api_keys_client_id FOREIGN KEY (client_id) REFERENCES public.clients(id);


--
-- Name: approvals fk_approvals_mandate_digest; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.approvals
    ADD CONSTRAINT fk_approvals_mandate_digest FOREIGN KEY (mandate_digest) REFERENCES public.mandates(digest);


--
-- Name: approvals fk_approvals_transfer_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.approvals
    ADD CONSTRAINT fk_approvals_transfer_id FOREIGN KEY (transfer_id) REFERENCES public.transfers(id);


--
-- Name: claim_holders fk_claim_holders_transaction_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.claim_holders
    ADD CONSTRAINT fk_claim_holders_transaction_id FOREIGN KEY (transaction_id) REFERENCES public.transactions(id);


--
-- Name: coins fk_coins_address_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.coins
    ADD CONSTRAINT fk_coins_address_id FOREIGN KEY (address_id) REFERENCES public.addresses(id);


--
-- Name: coins fk_coins_vault_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.coins
    ADD CONSTRAINT fk_coins_vault_id FOREIGN KEY (vault_id) REFERENCES public.vaults(id);


--
-- Name: deposits fk_deposits_address_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.deposits
    ADD CONSTRAINT fk_deposits_address_id FOREIGN KEY (address_id) REFERENCES public.addresses(id);


--
-- Name: deposits fk_deposits_client_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.deposits
    ADD CONSTRAINT fk_deposits_client_id FOREIGN KEY (client_id) REFERENCES public.clients(id);


--
-- Name: deposits fk_deposits_reservation_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.deposits
    ADD CONSTRAINT fk_deposits_reservation_id FOREIGN KEY (reservation_id) REFERENCES public.ledger_entries(id);


--
-- Name: deposits fk_deposits_vault_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.deposits
    ADD CONSTRAINT fk_deposits_vault_id FOREIGN KEY (vault_id) REFERENCES public.vaults(id);


--
-- Name: foreign_debits fk_foreign_debits_client_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.foreign_debits
    ADD CONSTRAINT fk_foreign_debits_client_id FOREIGN KEY (client_id) REFERENCES public.clients(id);


--
-- Name: foreign_debits fk_foreign_debits_owed_reservation_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.foreign_debits
    ADD CONSTRAINT fk_foreign_debits_owed_reservation_id FOREIGN KEY (owed_reservation_id) REFERENCES public.ledger_entries(id);


--
-- Name: foreign_debits fk_foreign_debits_reservation_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.foreign_debits
    ADD CONSTRAINT fk_foreign_debits_reservation_id FOREIGN KEY (reservation_id) REFERENCES public.ledger_entries(id);


--
-- Name: foreign_debits fk_foreign_debits_vault_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.foreign_debits
    ADD CONSTRAINT fk_foreign_debits_vault_id FOREIGN KEY (vault_id) REFERENCES public.vaults(id);


--
-- Name: ledger_accounts fk_ledger_accounts_vault_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.ledger_accounts
    ADD CONSTRAINT fk_ledger_accounts_vault_id FOREIGN KEY (vault_id) REFERENCES public.vaults(id);


--
-- Name: ledger_entries fk_ledger_entries_credit_account; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.ledger_entries
    ADD CONSTRAINT fk_ledger_entries_credit_account FOREIGN KEY (credit_account) REFERENCES public.ledger_accounts(id);


--
-- Name: ledger_entries fk_ledger_entries_debit_account; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.ledger_entries
    ADD CONSTRAINT fk_ledger_entries_debit_account FOREIGN KEY (debit_account) REFERENCES public.ledger_accounts(id);


--
-- Name: ledger_entries fk_ledger_entries_pending_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.ledger_entries
    ADD CONSTRAINT fk_ledger_entries_pending_id FOREIGN KEY (pending_id) REFERENCES public.ledger_entries(id);


--
-- Name: mandates fk_mandates_transfer_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.mandates
    ADD CONSTRAINT fk_mandates_transfer_id FOREIGN KEY (transfer_id) REFERENCES public.transfers(id);


--
-- Name: reconciled fk_reconciled_vault_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.reconciled
    ADD CONSTRAINT fk_reconciled_vault_id FOREIGN KEY (vault_id) REFERENCES public.vaults(id);


--
-- Name: reservations fk_reservations_entry_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.reservations
    ADD CONSTRAINT fk_reservations_entry_id FOREIGN KEY (entry_id) REFERENCES public.ledger_entries(id);


--
-- Name: reservations fk_reservations_transfer_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.reservations
    ADD CONSTRAINT fk_reservations_transfer_id FOREIGN KEY (transfer_id, mandate_version) REFERENCES public.mandates(transfer_id, version);


--
-- Name: sequenced_entries fk_sequenced_entries_client_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sequenced_entries
    ADD CONSTRAINT fk_sequenced_entries_client_id FOREIGN KEY (client_id) REFERENCES public.clients(id);


--
-- Name: sequenced_entries fk_sequenced_entries_entry_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sequenced_entries
    ADD CONSTRAINT fk_sequenced_entries_entry_id FOREIGN KEY (entry_id) REFERENCES public.ledger_entries(id);


--
-- Name: sequenced_events fk_sequenced_events_client_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sequenced_events
    ADD CONSTRAINT fk_sequenced_events_client_id FOREIGN KEY (client_id) REFERENCES public.clients(id);


--
-- Name: sequenced_events fk_sequenced_events_event_seq; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sequenced_events
    ADD CONSTRAINT fk_sequenced_events_event_seq FOREIGN KEY (event_seq) REFERENCES public.events(seq);


--
-- Name: spends fk_spends_transfer_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.spends
    ADD CONSTRAINT fk_spends_transfer_id FOREIGN KEY (transfer_id) REFERENCES public.transfers(id);


--
-- Name: suspense_decisions fk_suspense_decisions_vault_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.suspense_decisions
    ADD CONSTRAINT fk_suspense_decisions_vault_id FOREIGN KEY (vault_id) REFERENCES public.vaults(id);


--
-- Name: transaction_transfers fk_transaction_transfers_transaction_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.transaction_transfers
    ADD CONSTRAINT fk_transaction_transfers_transaction_id FOREIGN KEY (transaction_id) REFERENCES public.transactions(id);


--
-- Name: transaction_transfers fk_transaction_transfers_transfer_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.transaction_transfers
    ADD CONSTRAINT fk_transaction_transfers_transfer_id FOREIGN KEY (transfer_id, mandate_version) REFERENCES public.mandates(transfer_id, version);


--
-- Name: transactions fk_transactions_replaces; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.transactions
    ADD CONSTRAINT fk_transactions_replaces FOREIGN KEY (replaces) REFERENCES public.transactions(id);


--
-- Name: transactions fk_transactions_vault_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.transactions
    ADD CONSTRAINT fk_transactions_vault_id FOREIGN KEY (vault_id) REFERENCES public.vaults(id);


--
-- Name: transfers fk_transfers_client_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.transfers
    ADD CONSTRAINT fk_transfers_client_id FOREIGN KEY (client_id) REFERENCES public.clients(id);


--
-- Name: transfers fk_transfers_retry_of; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.transfers
    ADD CONSTRAINT fk_transfers_retry_of FOREIGN KEY (retry_of) REFERENCES public.transfers(id);


--
-- Name: transfers fk_transfers_vault_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.transfers
    ADD CONSTRAINT fk_transfers_vault_id FOREIGN KEY (vault_id) REFERENCES public.vaults(id);


--
-- Name: vault_freezes fk_vault_freezes_vault_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.vault_freezes
    ADD CONSTRAINT fk_vault_freezes_vault_id FOREIGN KEY (vault_id) REFERENCES public.vaults(id);


--
-- Name: vault_openings fk_vault_openings_client_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.vault_openings
    ADD CONSTRAINT fk_vault_openings_client_id FOREIGN KEY (client_id) REFERENCES public.clients(id);


--
-- Name: vaults fk_vaults_client_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.vaults
    ADD CONSTRAINT fk_vaults_client_id FOREIGN KEY (client_id) REFERENCES public.clients(id);


--
-- PostgreSQL database dump complete
--


