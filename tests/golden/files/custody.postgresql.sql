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
    block_height integer NOT NULL,
    block_hash character varying NOT NULL,
    final_height integer NOT NULL,
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

INSERT INTO public.addresses VALUES (1, 'adr_01m8ea42ggqjdbg6d9t7cxvy29', 'vlt_01m8ea41qxajwkmzfy48bq6f0m', 'eip155:31337', '0x074B0bDbe0dEF6743F7a3DE2996905B5d0fF5D63', 'evm', false, 0, 'm/44''/60''/0''/0/0', '\x037b5562e7c7091fa129bc85a4ba755e044e6df64d46de43b27c31269834efcded', NULL, '2026-11-27 10:51:51.184771+00');


--
-- Data for Name: alarms; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.alarms VALUES ('alm_01m8ea42qbpngtvpsf0r66abhp', 'signer_warns', NULL, NULL, 'memory-not-locked: memory is not locked and may reach swap (set the memlock limit to unlimited)', 'signer_warns - -', '2026-11-27 10:51:51.159545+00', '2026-11-27 10:51:51.159545+00', NULL, NULL, NULL);
INSERT INTO public.alarms VALUES ('alm_01m8ea4jn65y98ed70avhks027', 'reorg_too_deep', NULL, 'vlt_01m8ea41qxajwkmzfy48bq6f0m', 'for a while', NULL, '2026-11-27 10:52:07.460262+00', '2026-11-27 10:52:07.460262+00', '2026-11-27 10:52:07.460262+00', 'custody', 'its cause is gone');


--
-- Data for Name: alembic_version; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.alembic_version VALUES ('0002');


--
-- Data for Name: api_keys; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.api_keys VALUES ('key_01m8ea4jdgn4e23bnbj4ccgs75', 'desk', 'robot', '\x9d1ce9a0709d5d7c0fdf571c5e78ff34f9ba19777c7e3073bb7b156487f816c1', 'admin read transfer', NULL, '2026-11-27 10:52:07.460262+00', NULL);
INSERT INTO public.api_keys VALUES ('key_01m8ea4jdgn4e23bnq9565fv5h', 'old', 'robot', '\xb2f5547d76524715a62962bd9532617785685cca1831e280533b614131c2b750', 'admin read transfer', NULL, '2026-11-27 10:52:07.460262+00', '2026-11-27 10:52:07.460262+00');


--
-- Data for Name: approvals; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.approvals VALUES ('apr_01m8ea48ce0gs5smx8qcsrbdk8', 'tfr_5gnz3crgk8rn9zapsbk5mdhrdv', '\x9ed258e217ffc62324aca4ec9976d1b3c71e69ae0a361be83d0b4f143b7e46dd', 'ada', 'approve', '\x06b3a5f405f22df32cbd9dae7b27f28182c707abdbacb423a52760f02b2788504f1744e46db22c8d6c7dca1dbc36db9de2abc649044d26ba118f89797b025804', '2026-11-27 10:51:57.193415+00');
INSERT INTO public.approvals VALUES ('apr_01m8ea48qjpz7daenbkyeq7dcj', 'tfr_5gnz3crgk8rn9zapsbk5mdhrdv', '\x9ed258e217ffc62324aca4ec9976d1b3c71e69ae0a361be83d0b4f143b7e46dd', 'bob', 'approve', '\xa885e826b570ebd680ba35a7b98d7ca24c7b3c7a81b915cfbd3c0e9032a8f78a9338408fa12671d65ac5d3eae664facfa16ca069fb2f74454d096270842f7e0b', '2026-11-27 10:51:57.529723+00');
INSERT INTO public.approvals VALUES ('apr_01m8ea496b3ta44r1dm3zgc5mj', 'tfr_1bpezqap30p1mmn1s0j2797frv', '\x2ac79c442c7c5cf854c574914e3e43b25bcdd2858574b0870650fb54f5f67380', 'ada', 'reject', '\xe255ff52a8f2e0f69bca8e460f92643bf5a6904bf6798e9b240bd4446539845498d69db316f734eb4b66930dffbe22e15d1475d7f7bf492e15c15c29d44a960a', '2026-11-27 10:51:58.024399+00');


--
-- Data for Name: blocks; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.blocks VALUES ('eip155:31337', 0, '0xf02d7af3bb6a661d94da7cdb30b317e8d64d8390d3e3c821796dfd6342b4d8d7', 1795776692, '2026-11-27 10:51:51.637642+00');
INSERT INTO public.blocks VALUES ('eip155:31337', 1, '0xced20a407c799a3ad0f2f0af79a89a1c81d4ee00470cf7e6c3436027cd348c93', 1795776692, '2026-11-27 10:51:51.637642+00');
INSERT INTO public.blocks VALUES ('eip155:31337', 2, '0x932bf8e5c65057c3052106468538e212e62f29edbedd54eddb75b23d72d7e239', 1795776709, '2026-11-27 10:51:51.637642+00');
INSERT INTO public.blocks VALUES ('eip155:31337', 3, '0x2580e0b4383883e939680531698500dfbd26634af6b6e1a9253c60e97b78ee11', 1795776711, '2026-11-27 10:51:54.400748+00');
INSERT INTO public.blocks VALUES ('eip155:31337', 4, '0x828d3dd4e616e63df4ed974e1c0b957235b92273cc4c6a31398e9405f146d5ef', 1795776714, '2026-11-27 10:51:56.059823+00');
INSERT INTO public.blocks VALUES ('eip155:31337', 5, '0x27694617785a400b47986f196bda04ff4da2f81940fdc61dd6a8bed87d5fb34a', 1795776715, '2026-11-27 10:51:56.621295+00');
INSERT INTO public.blocks VALUES ('eip155:31337', 6, '0x362595ed8129bbbf2c18ab86f54a12b467cebd672422b20b17b1ac50cd66097e', 1795776716, '2026-11-27 10:51:58.372601+00');
INSERT INTO public.blocks VALUES ('eip155:31337', 7, '0xb59b81777c62b321047b125046151d5ad02f65486d0c432728a688ebbe44bd07', 1795776719, '2026-11-27 10:52:00.603124+00');
INSERT INTO public.blocks VALUES ('eip155:31337', 8, '0xa08a1daa2aa0a2fbaf3f70c1e6f8e225d7595248484955c3da5f765495c4838b', 1795776720, '2026-11-27 10:52:01.740818+00');
INSERT INTO public.blocks VALUES ('eip155:31337', 9, '0xae7147306cf1dddd7720b1521a952b47a3f47ac5c1ddf7958a98ad9e2805f8e9', 1795776721, '2026-11-27 10:52:03.025606+00');
INSERT INTO public.blocks VALUES ('eip155:31337', 10, '0x3e950f81aab0b9abaa4431003156d3a9866138a0a715ac46a944052c8a4514e5', 1795776722, '2026-11-27 10:52:03.952623+00');
INSERT INTO public.blocks VALUES ('eip155:31337', 11, '0xdaec2f65f0d2da8706c3c648c7ef019f6682c7bf7933ec244223acc3f04bcab9', 1795776723, '2026-11-27 10:52:05.381739+00');
INSERT INTO public.blocks VALUES ('eip155:31337', 12, '0xb083a194678be4aea98731157130ed63062b3b1ee62bfd8b0dc70d2b49c8d5cc', 1795776725, '2026-11-27 10:52:07.166851+00');


--
-- Data for Name: claim_holders; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.claim_holders VALUES ('eip155:31337/nonce:0x074B0bDbe0dEF6743F7a3DE2996905B5d0fF5D63:0', 'txn_01m8ea48z9ve8p8p8hewyjpma4', 'inclusion');
INSERT INTO public.claim_holders VALUES ('eip155:31337/nonce:0x074B0bDbe0dEF6743F7a3DE2996905B5d0fF5D63:1', 'txn_01m8ea4bqz3pdr7agakjf93q68', 'inclusion');


--
-- Data for Name: claims; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.claims VALUES ('key', 'network', '2026-01-01 00:00:00+00');


--
-- Data for Name: clients; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.clients VALUES ('cli_01m8ea41hekdhp2wj93h49hg11', 'Example Ltd', '2026-11-27 10:51:50.190764+00');


--
-- Data for Name: coins; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.coins VALUES ('network', 'txid', 1, 'vlt_01m8ea41qxajwkmzfy48bq6f0m', 'adr_01m8ea42ggqjdbg6d9t7cxvy29', 1, true, 1, 1, 1);


--
-- Data for Name: consumptions; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.consumptions VALUES ('eip155:31337', 'eip155:31337/nonce:0x074B0bDbe0dEF6743F7a3DE2996905B5d0fF5D63:0', '0x19d6f7672197f9964974851895fba81a2f63759d5f1b1edd523c43c1fa3de324', 8);
INSERT INTO public.consumptions VALUES ('eip155:31337', 'eip155:31337/nonce:0x074B0bDbe0dEF6743F7a3DE2996905B5d0fF5D63:1', '0xc1e5852f30adb6986e591ac22b8fb15db0ab6eca38474e813176d4c1593abdcb', 9);


--
-- Data for Name: deposits; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.deposits VALUES ('dep_01m8ea461mmp784s6e7v02brhf', 'eip155:31337', 'eip155:31337/slip44:60', 'cli_01m8ea41hekdhp2wj93h49hg11', 'vlt_01m8ea41qxajwkmzfy48bq6f0m', 'adr_01m8ea42ggqjdbg6d9t7cxvy29', '0xbc24c3f3cd793e1927a93559294d3d35156469e657b4b5e1e3bd7b0be7d306db', 'call:', 100000000000000000000, 'credited', 3, '0x2580e0b4383883e939680531698500dfbd26634af6b6e1a9253c60e97b78ee11', 3, 'ent_01m8ea461mmp784sdemzps6r35', '2026-11-27 10:51:54.400748+00', '2026-11-27 10:51:56.621295+00');


--
-- Data for Name: events; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.events VALUES (1, 'alarm', 'alm_01m8ea42qbpngtvpsf0r66abhp', NULL, 'create', 'open', 'memory-not-locked: memory is not locked and may reach swap (set the memlock limit to unlimited)', '2026-11-27 10:51:51.159545+00');
INSERT INTO public.events VALUES (2, 'deposit', 'dep_01m8ea461mmp784s6e7v02brhf', 'vlt_01m8ea41qxajwkmzfy48bq6f0m', 'create', 'pending', NULL, '2026-11-27 10:51:54.400748+00');
INSERT INTO public.events VALUES (3, 'deposit', 'dep_01m8ea461mmp784s6e7v02brhf', 'vlt_01m8ea41qxajwkmzfy48bq6f0m', 'change', 'credited', NULL, '2026-11-27 10:51:56.621295+00');
INSERT INTO public.events VALUES (4, 'transfer', 'tfr_232hzkj9x4a271gqy3yg3mnffk', 'vlt_01m8ea41qxajwkmzfy48bq6f0m', 'accept', 'approved', NULL, '2026-11-27 10:51:56.911245+00');
INSERT INTO public.events VALUES (5, 'transfer', 'tfr_5gnz3crgk8rn9zapsbk5mdhrdv', 'vlt_01m8ea41qxajwkmzfy48bq6f0m', 'ask', 'awaiting_approval', NULL, '2026-11-27 10:51:57.121114+00');
INSERT INTO public.events VALUES (6, 'approval', 'apr_01m8ea48ce0gs5smx8qcsrbdk8', 'vlt_01m8ea41qxajwkmzfy48bq6f0m', 'create', 'approve', 'ada', '2026-11-27 10:51:57.193415+00');
INSERT INTO public.events VALUES (7, 'transfer', 'tfr_5gnz3crgk8rn9zapsbk5mdhrdv', 'vlt_01m8ea41qxajwkmzfy48bq6f0m', 'accept', 'approved', NULL, '2026-11-27 10:51:57.529723+00');
INSERT INTO public.events VALUES (8, 'approval', 'apr_01m8ea48qjpz7daenbkyeq7dcj', 'vlt_01m8ea41qxajwkmzfy48bq6f0m', 'create', 'approve', 'bob', '2026-11-27 10:51:57.529723+00');
INSERT INTO public.events VALUES (9, 'transfer', 'tfr_1bpezqap30p1mmn1s0j2797frv', 'vlt_01m8ea41qxajwkmzfy48bq6f0m', 'ask', 'awaiting_approval', NULL, '2026-11-27 10:51:57.891038+00');
INSERT INTO public.events VALUES (10, 'transaction', 'txn_01m8ea48z9ve8p8p8hewyjpma4', 'vlt_01m8ea41qxajwkmzfy48bq6f0m', 'build', 'built', NULL, '2026-11-27 10:51:57.978023+00');
INSERT INTO public.events VALUES (11, 'transfer', 'tfr_232hzkj9x4a271gqy3yg3mnffk', 'vlt_01m8ea41qxajwkmzfy48bq6f0m', 'launch', 'in_flight', NULL, '2026-11-27 10:51:57.978023+00');
INSERT INTO public.events VALUES (12, 'transfer', 'tfr_1bpezqap30p1mmn1s0j2797frv', 'vlt_01m8ea41qxajwkmzfy48bq6f0m', 'reject', 'rejected', 'by ada', '2026-11-27 10:51:58.024399+00');
INSERT INTO public.events VALUES (13, 'approval', 'apr_01m8ea496b3ta44r1dm3zgc5mj', 'vlt_01m8ea41qxajwkmzfy48bq6f0m', 'create', 'reject', 'ada', '2026-11-27 10:51:58.024399+00');
INSERT INTO public.events VALUES (14, 'transfer', 'tfr_2e35v5vy7hqhtn32yyy4vsbjmv', 'vlt_01m8ea41qxajwkmzfy48bq6f0m', 'ask', 'awaiting_approval', NULL, '2026-11-27 10:51:58.572705+00');
INSERT INTO public.events VALUES (15, 'transaction', 'txn_01m8ea48z9ve8p8p8hewyjpma4', 'vlt_01m8ea41qxajwkmzfy48bq6f0m', 'sign', 'signed', '0x19d6f7672197f9964974851895fba81a2f63759d5f1b1edd523c43c1fa3de324', '2026-11-27 10:51:58.606138+00');
INSERT INTO public.events VALUES (16, 'transfer', 'tfr_2e35v5vy7hqhtn32yyy4vsbjmv', 'vlt_01m8ea41qxajwkmzfy48bq6f0m', 'cancel', 'cancelled', 'by robot', '2026-11-27 10:51:58.652825+00');
INSERT INTO public.events VALUES (17, 'transfer', 'tfr_4sq86dvr2axq1wstqy5t87dh19', 'vlt_01m8ea41qxajwkmzfy48bq6f0m', 'ask', 'awaiting_approval', NULL, '2026-11-27 10:51:58.709772+00');
INSERT INTO public.events VALUES (18, 'transaction', 'txn_01m8ea48z9ve8p8p8hewyjpma4', 'vlt_01m8ea41qxajwkmzfy48bq6f0m', 'publish', 'broadcast', NULL, '2026-11-27 10:52:00.573925+00');
INSERT INTO public.events VALUES (19, 'transaction', 'txn_01m8ea4bqz3pdr7agakjf93q68', 'vlt_01m8ea41qxajwkmzfy48bq6f0m', 'build', 'built', NULL, '2026-11-27 10:52:00.680719+00');
INSERT INTO public.events VALUES (20, 'transfer', 'tfr_5gnz3crgk8rn9zapsbk5mdhrdv', 'vlt_01m8ea41qxajwkmzfy48bq6f0m', 'launch', 'in_flight', NULL, '2026-11-27 10:52:00.680719+00');
INSERT INTO public.events VALUES (21, 'transaction', 'txn_01m8ea4bqz3pdr7agakjf93q68', 'vlt_01m8ea41qxajwkmzfy48bq6f0m', 'sign', 'signed', '0xc1e5852f30adb6986e591ac22b8fb15db0ab6eca38474e813176d4c1593abdcb', '2026-11-27 10:52:00.719401+00');
INSERT INTO public.events VALUES (22, 'transaction', 'txn_01m8ea4bqz3pdr7agakjf93q68', 'vlt_01m8ea41qxajwkmzfy48bq6f0m', 'publish', 'broadcast', NULL, '2026-11-27 10:52:01.477943+00');
INSERT INTO public.events VALUES (23, 'transaction', 'txn_01m8ea48z9ve8p8p8hewyjpma4', 'vlt_01m8ea41qxajwkmzfy48bq6f0m', 'include', 'included', '8 0xa08a1daa2aa0a2fbaf3f70c1e6f8e225d7595248484955c3da5f765495c4838b', '2026-11-27 10:52:02.038087+00');
INSERT INTO public.events VALUES (24, 'transaction', 'txn_01m8ea4bqz3pdr7agakjf93q68', 'vlt_01m8ea41qxajwkmzfy48bq6f0m', 'include', 'included', '9 0xae7147306cf1dddd7720b1521a952b47a3f47ac5c1ddf7958a98ad9e2805f8e9', '2026-11-27 10:52:03.137811+00');
INSERT INTO public.events VALUES (25, 'transaction', 'txn_01m8ea48z9ve8p8p8hewyjpma4', 'vlt_01m8ea41qxajwkmzfy48bq6f0m', 'finalize', 'final', NULL, '2026-11-27 10:52:04.254877+00');
INSERT INTO public.events VALUES (26, 'transfer', 'tfr_232hzkj9x4a271gqy3yg3mnffk', 'vlt_01m8ea41qxajwkmzfy48bq6f0m', 'land', 'final', NULL, '2026-11-27 10:52:04.254877+00');
INSERT INTO public.events VALUES (27, 'transaction', 'txn_01m8ea4bqz3pdr7agakjf93q68', 'vlt_01m8ea41qxajwkmzfy48bq6f0m', 'finalize', 'final', NULL, '2026-11-27 10:52:06.413341+00');
INSERT INTO public.events VALUES (28, 'transfer', 'tfr_5gnz3crgk8rn9zapsbk5mdhrdv', 'vlt_01m8ea41qxajwkmzfy48bq6f0m', 'land', 'final', NULL, '2026-11-27 10:52:06.413341+00');
INSERT INTO public.events VALUES (29, 'freeze', 'frz_01m8ea4jjswdtksfrj0cs3pv0t', 'vlt_01m8ea41qxajwkmzfy48bq6f0m', 'create', 'open', 'a look at it', '2026-11-27 10:52:07.460262+00');
INSERT INTO public.events VALUES (30, 'alarm', 'alm_01m8ea4jn65y98ed70avhks027', 'vlt_01m8ea41qxajwkmzfy48bq6f0m', 'create', 'open', 'for a while', '2026-11-27 10:52:07.460262+00');
INSERT INTO public.events VALUES (31, 'freeze', 'frz_01m8ea4jjswdtksfrj0cs3pv0t', 'vlt_01m8ea41qxajwkmzfy48bq6f0m', 'change', 'ended', 'looked', '2026-11-27 10:52:07.460262+00');
INSERT INTO public.events VALUES (32, 'alarm', 'alm_01m8ea4jn65y98ed70avhks027', 'vlt_01m8ea41qxajwkmzfy48bq6f0m', 'change', 'cleared', 'its cause is gone', '2026-11-27 10:52:07.460262+00');


--
-- Data for Name: follow_states; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.follow_states VALUES ('eip155:31337', 9, '0xae7147306cf1dddd7720b1521a952b47a3f47ac5c1ddf7958a98ad9e2805f8e9', 9, '0xae7147306cf1dddd7720b1521a952b47a3f47ac5c1ddf7958a98ad9e2805f8e9', NULL, '2026-11-27 10:52:03.01921+00', '2026-11-27 10:52:03.056494+00', '2026-11-27 10:52:03.056494+00', '2026-11-27 10:51:51.122451+00', NULL, NULL, NULL, NULL, 0, 'seen');


--
-- Data for Name: followers; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.followers VALUES ('eip155:31337', NULL, 10, 'node');


--
-- Data for Name: foreign_debits; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.foreign_debits VALUES ('id', 'network', 'asset', 'cli_01m8ea41hekdhp2wj93h49hg11', 'vlt_01m8ea41qxajwkmzfy48bq6f0m', 'address', 'txid', 'place', 1, 'account', 'verdict', 'explained_by', 'state', 1, 'block_hash', 1, 1, 'ent_01m8ea461mmp784sdemzps6r35', 'ent_01m8ea461mmp784sdemzps6r35', '2026-01-01 00:00:00+00', '2026-01-01 00:00:00+00');


--
-- Data for Name: idempotency; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.idempotency VALUES ('client cli_01m8ea41hekdhp2wj93h49hg11 POST /v1/transfers', 'key-1', '\x3078353135304445373634383141333962666541373037643663393242663344446242383932324236302031303030303030303030303030303030303030', 201, '\x7466725f323332687a6b6a39783461323731677179337967336d6e66666b', '2026-11-27 10:51:56.911245+00');
INSERT INTO public.idempotency VALUES ('client cli_01m8ea41hekdhp2wj93h49hg11 POST /v1/transfers', 'key-2', '\x3078456637364339623733313335314244433136373938633132413533374138643945346433636161622032303030303030303030303030303030303030', 201, '\x7466725f35676e7a336372676b38726e397a617073626b356d6468726476', '2026-11-27 10:51:57.121114+00');
INSERT INTO public.idempotency VALUES ('client cli_01m8ea41hekdhp2wj93h49hg11 POST /v1/transfers', 'key-3', '\x3078316238443030374245363637373061394532356144416266623534334431616264633234434432612032303030303030303030303030303030303030', 201, '\x7466725f316270657a716170333070316d6d6e3173306a32373937667276', '2026-11-27 10:51:57.891038+00');
INSERT INTO public.idempotency VALUES ('client cli_01m8ea41hekdhp2wj93h49hg11 POST /v1/transfers', 'key-4', '\x3078303735373437364231353065664435323966373538323738654437343543306136383046613931372032303030303030303030303030303030303030', 201, '\x7466725f326533357635767937687168746e3332797979347673626a6d76', '2026-11-27 10:51:58.572705+00');
INSERT INTO public.idempotency VALUES ('client cli_01m8ea41hekdhp2wj93h49hg11 POST /v1/transfers', 'key-5', '\x3078384365363135373464454465383046363143343835333362353831333330463135633438373741662032303030303030303030303030303030303030', 201, '\x7466725f3473713836647672326178713177737471793574383764683139', '2026-11-27 10:51:58.709772+00');


--
-- Data for Name: leases; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.leases VALUES ('feeds', 'b79362e3e4baf2744931e4656deff4b2', 1, '2026-11-27 10:52:07.763+00', '2026-11-27 10:52:07.763+00');
INSERT INTO public.leases VALUES ('expiry', 'b79362e3e4baf2744931e4656deff4b2', 1, '2026-11-27 10:52:07.763+00', '2026-11-27 10:52:07.763+00');
INSERT INTO public.leases VALUES ('follow:eip155:31337', 'b79362e3e4baf2744931e4656deff4b2', 1, '2026-11-27 10:52:07.763+00', '2026-11-27 10:52:07.763+00');
INSERT INTO public.leases VALUES ('signer', 'b79362e3e4baf2744931e4656deff4b2', 1, '2026-11-27 10:52:07.763+00', '2026-11-27 10:52:07.763+00');


--
-- Data for Name: ledger_accounts; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.ledger_accounts VALUES ('acc_4d047e92d53993b8544cc55fee9d2d80', NULL, 'eip155:31337/slip44:60', 'chain', 0, 0, 0, 0);
INSERT INTO public.ledger_accounts VALUES ('acc_9c97f844f445518c87e86588e02bbe9d', 'vlt_01m8ea41qxajwkmzfy48bq6f0m', 'eip155:31337/slip44:60', 'vault', 3000057466937220000, 100000000000000000000, 2005000000000000000, 0);
INSERT INTO public.ledger_accounts VALUES ('acc_fc83c8a69ade7471c987c1136dc1a936', NULL, 'eip155:31337/slip44:60', 'fees', 0, 0, 0, 0);


--
-- Data for Name: ledger_entries; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.ledger_entries VALUES ('ent_01m8ea461mmp784sdemzps6r35', 'reserve', 'acc_4d047e92d53993b8544cc55fee9d2d80', 'acc_9c97f844f445518c87e86588e02bbe9d', 'eip155:31337/slip44:60', 100000000000000000000, NULL, 'dep_01m8ea461mmp784s6e7v02brhf', 'deposit', '2026-11-27 10:51:54.951322+00');
INSERT INTO public.ledger_entries VALUES ('ent_01m8ea481fa2xgca3rreabtgyf', 'settle', 'acc_4d047e92d53993b8544cc55fee9d2d80', 'acc_9c97f844f445518c87e86588e02bbe9d', 'eip155:31337/slip44:60', 100000000000000000000, 'ent_01m8ea461mmp784sdemzps6r35', 'dep_01m8ea461mmp784s6e7v02brhf', 'deposit', '2026-11-27 10:51:56.870361+00');
INSERT INTO public.ledger_entries VALUES ('ent_01m8ea486p7jmqe9nkr3jadftx', 'reserve', 'acc_9c97f844f445518c87e86588e02bbe9d', 'acc_4d047e92d53993b8544cc55fee9d2d80', 'eip155:31337/slip44:60', 1000000000000000000, NULL, 'tfr_232hzkj9x4a271gqy3yg3mnffk', 'transfer', '2026-11-27 10:51:57.015145+00');
INSERT INTO public.ledger_entries VALUES ('ent_01m8ea486p7jmqe9p3zxzjtvyj', 'reserve', 'acc_9c97f844f445518c87e86588e02bbe9d', 'acc_fc83c8a69ade7471c987c1136dc1a936', 'eip155:31337/slip44:60', 5000000000000000, NULL, 'tfr_232hzkj9x4a271gqy3yg3mnffk', 'fee', '2026-11-27 10:51:57.015145+00');
INSERT INTO public.ledger_entries VALUES ('ent_01m8ea48a34bc0dpj9msn8m5s9', 'reserve', 'acc_9c97f844f445518c87e86588e02bbe9d', 'acc_4d047e92d53993b8544cc55fee9d2d80', 'eip155:31337/slip44:60', 2000000000000000000, NULL, 'tfr_5gnz3crgk8rn9zapsbk5mdhrdv', 'transfer', '2026-11-27 10:51:57.124394+00');
INSERT INTO public.ledger_entries VALUES ('ent_01m8ea48a34bc0dpnven16ygqs', 'reserve', 'acc_9c97f844f445518c87e86588e02bbe9d', 'acc_fc83c8a69ade7471c987c1136dc1a936', 'eip155:31337/slip44:60', 5000000000000000, NULL, 'tfr_5gnz3crgk8rn9zapsbk5mdhrdv', 'fee', '2026-11-27 10:51:57.124394+00');
INSERT INTO public.ledger_entries VALUES ('ent_01m8ea492s2ztewhb19eb4askr', 'reserve', 'acc_9c97f844f445518c87e86588e02bbe9d', 'acc_4d047e92d53993b8544cc55fee9d2d80', 'eip155:31337/slip44:60', 2000000000000000000, NULL, 'tfr_1bpezqap30p1mmn1s0j2797frv', 'transfer', '2026-11-27 10:51:57.913843+00');
INSERT INTO public.ledger_entries VALUES ('ent_01m8ea492s2ztewhj5s54zjmcd', 'reserve', 'acc_9c97f844f445518c87e86588e02bbe9d', 'acc_fc83c8a69ade7471c987c1136dc1a936', 'eip155:31337/slip44:60', 5000000000000000, NULL, 'tfr_1bpezqap30p1mmn1s0j2797frv', 'fee', '2026-11-27 10:51:57.913843+00');
INSERT INTO public.ledger_entries VALUES ('ent_01m8ea49bn7krnje6q3af4pzjn', 'void', 'acc_9c97f844f445518c87e86588e02bbe9d', 'acc_4d047e92d53993b8544cc55fee9d2d80', 'eip155:31337/slip44:60', 2000000000000000000, 'ent_01m8ea492s2ztewhb19eb4askr', 'tfr_1bpezqap30p1mmn1s0j2797frv', 'transfer', '2026-11-27 10:51:58.294272+00');
INSERT INTO public.ledger_entries VALUES ('ent_01m8ea49bn7krnjebe68bmr4se', 'void', 'acc_9c97f844f445518c87e86588e02bbe9d', 'acc_fc83c8a69ade7471c987c1136dc1a936', 'eip155:31337/slip44:60', 5000000000000000, 'ent_01m8ea492s2ztewhj5s54zjmcd', 'tfr_1bpezqap30p1mmn1s0j2797frv', 'fee', '2026-11-27 10:51:58.294272+00');
INSERT INTO public.ledger_entries VALUES ('ent_01m8ea49qftkkgfywcpbbaw0an', 'reserve', 'acc_9c97f844f445518c87e86588e02bbe9d', 'acc_4d047e92d53993b8544cc55fee9d2d80', 'eip155:31337/slip44:60', 2000000000000000000, NULL, 'tfr_2e35v5vy7hqhtn32yyy4vsbjmv', 'transfer', '2026-11-27 10:51:58.575774+00');
INSERT INTO public.ledger_entries VALUES ('ent_01m8ea49qftkkgfz3jk7ksst52', 'reserve', 'acc_9c97f844f445518c87e86588e02bbe9d', 'acc_fc83c8a69ade7471c987c1136dc1a936', 'eip155:31337/slip44:60', 5000000000000000, NULL, 'tfr_2e35v5vy7hqhtn32yyy4vsbjmv', 'fee', '2026-11-27 10:51:58.575774+00');
INSERT INTO public.ledger_entries VALUES ('ent_01m8ea49tjcv25kjy06rf64k3h', 'void', 'acc_9c97f844f445518c87e86588e02bbe9d', 'acc_4d047e92d53993b8544cc55fee9d2d80', 'eip155:31337/slip44:60', 2000000000000000000, 'ent_01m8ea49qftkkgfywcpbbaw0an', 'tfr_2e35v5vy7hqhtn32yyy4vsbjmv', 'transfer', '2026-11-27 10:51:58.679206+00');
INSERT INTO public.ledger_entries VALUES ('ent_01m8ea49tjcv25kk4gdbpa556m', 'void', 'acc_9c97f844f445518c87e86588e02bbe9d', 'acc_fc83c8a69ade7471c987c1136dc1a936', 'eip155:31337/slip44:60', 5000000000000000, 'ent_01m8ea49qftkkgfz3jk7ksst52', 'tfr_2e35v5vy7hqhtn32yyy4vsbjmv', 'fee', '2026-11-27 10:51:58.679206+00');
INSERT INTO public.ledger_entries VALUES ('ent_01m8ea49vqgpamk3e9rqygdzvk', 'reserve', 'acc_9c97f844f445518c87e86588e02bbe9d', 'acc_4d047e92d53993b8544cc55fee9d2d80', 'eip155:31337/slip44:60', 2000000000000000000, NULL, 'tfr_4sq86dvr2axq1wstqy5t87dh19', 'transfer', '2026-11-27 10:51:58.711885+00');
INSERT INTO public.ledger_entries VALUES ('ent_01m8ea49vqgpamk3m86xabcd04', 'reserve', 'acc_9c97f844f445518c87e86588e02bbe9d', 'acc_fc83c8a69ade7471c987c1136dc1a936', 'eip155:31337/slip44:60', 5000000000000000, NULL, 'tfr_4sq86dvr2axq1wstqy5t87dh19', 'fee', '2026-11-27 10:51:58.711885+00');
INSERT INTO public.ledger_entries VALUES ('ent_01m8ea4fe0q01ggywch99vw96x', 'settle', 'acc_9c97f844f445518c87e86588e02bbe9d', 'acc_4d047e92d53993b8544cc55fee9d2d80', 'eip155:31337/slip44:60', 1000000000000000000, 'ent_01m8ea486p7jmqe9nkr3jadftx', 'tfr_232hzkj9x4a271gqy3yg3mnffk', 'transfer', '2026-11-27 10:52:04.428913+00');
INSERT INTO public.ledger_entries VALUES ('ent_01m8ea4fe0q01ggz28hyp77695', 'settle', 'acc_9c97f844f445518c87e86588e02bbe9d', 'acc_fc83c8a69ade7471c987c1136dc1a936', 'eip155:31337/slip44:60', 29248263345000, 'ent_01m8ea486p7jmqe9p3zxzjtvyj', 'tfr_232hzkj9x4a271gqy3yg3mnffk', 'fee', '2026-11-27 10:52:04.428913+00');
INSERT INTO public.ledger_entries VALUES ('ent_01m8ea4hg2mc0nqkfb58zdq99w', 'settle', 'acc_9c97f844f445518c87e86588e02bbe9d', 'acc_4d047e92d53993b8544cc55fee9d2d80', 'eip155:31337/slip44:60', 2000000000000000000, 'ent_01m8ea48a34bc0dpj9msn8m5s9', 'tfr_5gnz3crgk8rn9zapsbk5mdhrdv', 'transfer', '2026-11-27 10:52:06.537482+00');
INSERT INTO public.ledger_entries VALUES ('ent_01m8ea4hg2mc0nqkjyb82vt2ft', 'settle', 'acc_9c97f844f445518c87e86588e02bbe9d', 'acc_fc83c8a69ade7471c987c1136dc1a936', 'eip155:31337/slip44:60', 28218673875000, 'ent_01m8ea48a34bc0dpnven16ygqs', 'tfr_5gnz3crgk8rn9zapsbk5mdhrdv', 'fee', '2026-11-27 10:52:06.537482+00');


--
-- Data for Name: mandates; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.mandates VALUES ('tfr_232hzkj9x4a271gqy3yg3mnffk', 1, '\x7b226261736973223a2238343562653730373931373636613130666430626331336330363338353538396462623539326434376437333965366363313161396435323866663234363639222c22636f7265223a7b22616374696f6e223a227472616e73666572222c22636c69656e74223a22636c695f30316d386561343168656b64687032776a393368343968673131222c2265666665637473223a5b7b2261646472657373223a22307835313530444537363438314133396266654137303764366339324266334444624238393232423630222c22616d6f756e74223a2231303030303030303030303030303030303030222c226173736574223a226569703135353a33313333372f736c697034343a3630222c226b696e64223a22706179222c226d656d6f223a6e756c6c7d5d2c22696e69746961746f72223a22726f626f74222c226e6574776f726b223a226569703135353a3331333337222c227265717565737465645f6174223a22323032362d31312d32375431303a35313a35365a222c2272657472795f6f66223a6e756c6c2c22736f757263655f61646472657373223a22307830373442306244626530644546363734334637613344453239393639303542356430664635443633222c22736f757263655f70617468223a226d2f3434272f3630272f30272f302f30222c227472616e73666572223a227466725f323332687a6b6a39783461323731677179337967336d6e66666b222c227661756c74223a22766c745f30316d38656134317178616a776b6d7a6679343862713666306d227d2c22636f7374735f6d6178223a5b7b22616d6f756e74223a2235303030303030303030303030303030222c226173736574223a226569703135353a33313333372f736c697034343a3630222c226b696e64223a22666565227d5d2c22657870697265735f6174223a22323032362d31312d32385431303a35313a35365a222c22666f726d6174223a322c226f6666657265645f6174223a22323032362d31312d32375431303a35313a35365a222c2276657273696f6e223a317d', '\xb4f1ffa72cd03188bca788057cf7ebbc37b6377fe50b3e77e49fd573e1d356f1', '[["eip155:31337/slip44:60","fee","5000000000000000"]]', 'agreed', '2026-11-27 10:51:56+00', '2026-11-28 10:51:56+00', '2026-11-27 10:51:56.911245+00');
INSERT INTO public.mandates VALUES ('tfr_5gnz3crgk8rn9zapsbk5mdhrdv', 1, '\x7b226261736973223a2238343562653730373931373636613130666430626331336330363338353538396462623539326434376437333965366363313161396435323866663234363639222c22636f7265223a7b22616374696f6e223a227472616e73666572222c22636c69656e74223a22636c695f30316d386561343168656b64687032776a393368343968673131222c2265666665637473223a5b7b2261646472657373223a22307845663736433962373331333531424443313637393863313241353337413864394534643363616162222c22616d6f756e74223a2232303030303030303030303030303030303030222c226173736574223a226569703135353a33313333372f736c697034343a3630222c226b696e64223a22706179222c226d656d6f223a6e756c6c7d5d2c22696e69746961746f72223a22726f626f74222c226e6574776f726b223a226569703135353a3331333337222c227265717565737465645f6174223a22323032362d31312d32375431303a35313a35375a222c2272657472795f6f66223a6e756c6c2c22736f757263655f61646472657373223a22307830373442306244626530644546363734334637613344453239393639303542356430664635443633222c22736f757263655f70617468223a226d2f3434272f3630272f30272f302f30222c227472616e73666572223a227466725f35676e7a336372676b38726e397a617073626b356d6468726476222c227661756c74223a22766c745f30316d38656134317178616a776b6d7a6679343862713666306d227d2c22636f7374735f6d6178223a5b7b22616d6f756e74223a2235303030303030303030303030303030222c226173736574223a226569703135353a33313333372f736c697034343a3630222c226b696e64223a22666565227d5d2c22657870697265735f6174223a22323032362d31312d32385431303a35313a35375a222c22666f726d6174223a322c226f6666657265645f6174223a22323032362d31312d32375431303a35313a35375a222c2276657273696f6e223a317d', '\x9ed258e217ffc62324aca4ec9976d1b3c71e69ae0a361be83d0b4f143b7e46dd', '[["eip155:31337/slip44:60","fee","5000000000000000"]]', 'agreed', '2026-11-27 10:51:57+00', '2026-11-28 10:51:57+00', '2026-11-27 10:51:57.529723+00');
INSERT INTO public.mandates VALUES ('tfr_1bpezqap30p1mmn1s0j2797frv', 1, '\x7b226261736973223a2238343562653730373931373636613130666430626331336330363338353538396462623539326434376437333965366363313161396435323866663234363639222c22636f7265223a7b22616374696f6e223a227472616e73666572222c22636c69656e74223a22636c695f30316d386561343168656b64687032776a393368343968673131222c2265666665637473223a5b7b2261646472657373223a22307831623844303037424536363737306139453235614441626662353433443161626463323443443261222c22616d6f756e74223a2232303030303030303030303030303030303030222c226173736574223a226569703135353a33313333372f736c697034343a3630222c226b696e64223a22706179222c226d656d6f223a6e756c6c7d5d2c22696e69746961746f72223a22726f626f74222c226e6574776f726b223a226569703135353a3331333337222c227265717565737465645f6174223a22323032362d31312d32375431303a35313a35375a222c2272657472795f6f66223a6e756c6c2c22736f757263655f61646472657373223a22307830373442306244626530644546363734334637613344453239393639303542356430664635443633222c22736f757263655f70617468223a226d2f3434272f3630272f30272f302f30222c227472616e73666572223a227466725f316270657a716170333070316d6d6e3173306a32373937667276222c227661756c74223a22766c745f30316d38656134317178616a776b6d7a6679343862713666306d227d2c22636f7374735f6d6178223a5b7b22616d6f756e74223a2235303030303030303030303030303030222c226173736574223a226569703135353a33313333372f736c697034343a3630222c226b696e64223a22666565227d5d2c22657870697265735f6174223a22323032362d31312d32385431303a35313a35375a222c22666f726d6174223a322c226f6666657265645f6174223a22323032362d31312d32375431303a35313a35375a222c2276657273696f6e223a317d', '\x2ac79c442c7c5cf854c574914e3e43b25bcdd2858574b0870650fb54f5f67380', '[["eip155:31337/slip44:60","fee","5000000000000000"]]', 'rejected', '2026-11-27 10:51:57+00', '2026-11-28 10:51:57+00', '2026-11-27 10:51:58.024399+00');
INSERT INTO public.mandates VALUES ('tfr_2e35v5vy7hqhtn32yyy4vsbjmv', 1, '\x7b226261736973223a2238343562653730373931373636613130666430626331336330363338353538396462623539326434376437333965366363313161396435323866663234363639222c22636f7265223a7b22616374696f6e223a227472616e73666572222c22636c69656e74223a22636c695f30316d386561343168656b64687032776a393368343968673131222c2265666665637473223a5b7b2261646472657373223a22307830373537343736423135306566443532396637353832373865443734354330613638304661393137222c22616d6f756e74223a2232303030303030303030303030303030303030222c226173736574223a226569703135353a33313333372f736c697034343a3630222c226b696e64223a22706179222c226d656d6f223a6e756c6c7d5d2c22696e69746961746f72223a22726f626f74222c226e6574776f726b223a226569703135353a3331333337222c227265717565737465645f6174223a22323032362d31312d32375431303a35313a35385a222c2272657472795f6f66223a6e756c6c2c22736f757263655f61646472657373223a22307830373442306244626530644546363734334637613344453239393639303542356430664635443633222c22736f757263655f70617468223a226d2f3434272f3630272f30272f302f30222c227472616e73666572223a227466725f326533357635767937687168746e3332797979347673626a6d76222c227661756c74223a22766c745f30316d38656134317178616a776b6d7a6679343862713666306d227d2c22636f7374735f6d6178223a5b7b22616d6f756e74223a2235303030303030303030303030303030222c226173736574223a226569703135353a33313333372f736c697034343a3630222c226b696e64223a22666565227d5d2c22657870697265735f6174223a22323032362d31312d32385431303a35313a35385a222c22666f726d6174223a322c226f6666657265645f6174223a22323032362d31312d32375431303a35313a35385a222c2276657273696f6e223a317d', '\x2e9e395a4f0220f84684812cb577f105c0e550bc20cf20950427b460e8f94dd3', '[["eip155:31337/slip44:60","fee","5000000000000000"]]', 'void', '2026-11-27 10:51:58+00', '2026-11-28 10:51:58+00', '2026-11-27 10:51:58.652825+00');
INSERT INTO public.mandates VALUES ('tfr_4sq86dvr2axq1wstqy5t87dh19', 1, '\x7b226261736973223a2238343562653730373931373636613130666430626331336330363338353538396462623539326434376437333965366363313161396435323866663234363639222c22636f7265223a7b22616374696f6e223a227472616e73666572222c22636c69656e74223a22636c695f30316d386561343168656b64687032776a393368343968673131222c2265666665637473223a5b7b2261646472657373223a22307838436536313537346445446538304636314334383533336235383133333046313563343837374166222c22616d6f756e74223a2232303030303030303030303030303030303030222c226173736574223a226569703135353a33313333372f736c697034343a3630222c226b696e64223a22706179222c226d656d6f223a6e756c6c7d5d2c22696e69746961746f72223a22726f626f74222c226e6574776f726b223a226569703135353a3331333337222c227265717565737465645f6174223a22323032362d31312d32375431303a35313a35385a222c2272657472795f6f66223a6e756c6c2c22736f757263655f61646472657373223a22307830373442306244626530644546363734334637613344453239393639303542356430664635443633222c22736f757263655f70617468223a226d2f3434272f3630272f30272f302f30222c227472616e73666572223a227466725f3473713836647672326178713177737471793574383764683139222c227661756c74223a22766c745f30316d38656134317178616a776b6d7a6679343862713666306d227d2c22636f7374735f6d6178223a5b7b22616d6f756e74223a2235303030303030303030303030303030222c226173736574223a226569703135353a33313333372f736c697034343a3630222c226b696e64223a22666565227d5d2c22657870697265735f6174223a22323032362d31312d32385431303a35313a35385a222c22666f726d6174223a322c226f6666657265645f6174223a22323032362d31312d32375431303a35313a35385a222c2276657273696f6e223a317d', '\x50d57fbe27ce5f0affbf2fba7c9ff256e6612363a5ac50ed38f1e7c35b4536e6', '[["eip155:31337/slip44:60","fee","5000000000000000"]]', 'offered', '2026-11-27 10:51:58+00', '2026-11-28 10:51:58+00', NULL);


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

INSERT INTO public.policy_versions VALUES ('\x78216925656c2dc802e44799231ef5825c31b99bc3b7b0642fd6276cd841b558', 1, '\x7b2261646d696e6973747261746f7273223a7b226d656d62657273223a5b7b2263726564656e7469616c73223a5b7b226b6579223a2263383037326331383134633533643766373665613363323133643361313266653363623332643535376363396361383339623135663030616433626335353264222c226b696e64223a2265643235353139227d5d2c226964223a2261646d696e2d31227d2c7b2263726564656e7469616c73223a5b7b226b6579223a2238376332396337663036306366323931346664643361373736316533646365386238303763643062313330346464303766663466363232346638343435626461222c226b696e64223a2265643235353139227d5d2c226964223a2261646d696e2d32227d2c7b2263726564656e7469616c73223a5b7b226b6579223a2261323934363964313633643339623333663835353762623163343463646563303432313936353135643763353638306161623262313461383130333834353965222c226b696e64223a2265643235353139227d5d2c226964223a2261646d696e2d33227d5d2c227468726573686f6c64223a327d2c22617373657473223a5b5d2c2264657374696e6174696f6e73223a5b5d2c22666f726d6174223a322c2267726f757073223a5b7b226964223a227472656173757279222c226d656d62657273223a5b22616461222c22626f62222c22657665225d7d2c7b226964223a227269736b222c226d656d62657273223a5b22657665225d7d5d2c226d616368696e6573223a5b7b226964223a22726f626f74222c226f70657261746f7273223a5b5d7d5d2c226e6574776f726b73223a5b5d2c22706572736f6e73223a5b7b2263726564656e7469616c73223a5b7b226b6579223a2230343762366233396637366661303064356538326436613833306333396236653538383066346364386362363364623433363436363563393062383531623063222c226b696e64223a2265643235353139227d5d2c226964223a22616461227d2c7b2263726564656e7469616c73223a5b7b226b6579223a2265636331623538373237663366313262333139343838316139656362396465306232386365376232303732333064386539333066653162636537356532353663222c226b696e64223a2265643235353139227d5d2c226964223a22626f62227d2c7b2263726564656e7469616c73223a5b7b226b6579223a2235363561306639353535636234663464346530366238313131323537383635646363643735636337353133356139623130633961343465636135303431333433222c226b696e64223a2265643235353139227d5d2c226964223a22657665227d5d2c2272756c6573223a5b7b22656666656374223a22616c6c6f77222c226772616e74223a7b22617070726f76616c73223a7b226e65656473223a5b5d2c226f72646572223a22616e79227d2c22636f737473223a5b7b22616d6f756e74223a2231303030303030303030303030303030303030222c226b696e64223a22666565222c226e6574776f726b223a226269703132323a3066393138386631336362376232633731663261333335653361346663333238227d2c7b22616d6f756e74223a2231303030303030303030303030303030303030222c226b696e64223a2272656e74222c226e6574776f726b223a226269703132323a3066393138386631336362376232633731663261333335653361346663333238227d2c7b22616d6f756e74223a2231303030303030303030303030303030303030222c226b696e64223a2261637469766174696f6e222c226e6574776f726b223a226269703132323a3066393138386631336362376232633731663261333335653361346663333238227d2c7b22616d6f756e74223a2231303030303030303030303030303030303030222c226b696e64223a22666565222c226e6574776f726b223a226569703135353a3331333337227d2c7b22616d6f756e74223a2231303030303030303030303030303030303030222c226b696e64223a2272656e74222c226e6574776f726b223a226569703135353a3331333337227d2c7b22616d6f756e74223a2231303030303030303030303030303030303030222c226b696e64223a2261637469766174696f6e222c226e6574776f726b223a226569703135353a3331333337227d2c7b22616d6f756e74223a2231303030303030303030303030303030303030222c226b696e64223a22666565222c226e6574776f726b223a226569703135353a3331333338227d2c7b22616d6f756e74223a2231303030303030303030303030303030303030222c226b696e64223a2272656e74222c226e6574776f726b223a226569703135353a3331333338227d2c7b22616d6f756e74223a2231303030303030303030303030303030303030222c226b696e64223a2261637469766174696f6e222c226e6574776f726b223a226569703135353a3331333338227d2c7b22616d6f756e74223a2231303030303030303030303030303030303030222c226b696e64223a22666565222c226e6574776f726b223a2274726f6e3a30786666353163623461227d2c7b22616d6f756e74223a2231303030303030303030303030303030303030222c226b696e64223a2272656e74222c226e6574776f726b223a2274726f6e3a30786666353163623461227d2c7b22616d6f756e74223a2231303030303030303030303030303030303030222c226b696e64223a2261637469766174696f6e222c226e6574776f726b223a2274726f6e3a30786666353163623461227d2c7b22616d6f756e74223a2231303030303030303030303030303030303030222c226b696e64223a22666565222c226e6574776f726b223a22736f6c616e613a356d6f7267386742336e6f355a7a52434635534e37434746554b48707638614d227d2c7b22616d6f756e74223a2231303030303030303030303030303030303030222c226b696e64223a2272656e74222c226e6574776f726b223a22736f6c616e613a356d6f7267386742336e6f355a7a52434635534e37434746554b48707638614d227d2c7b22616d6f756e74223a2231303030303030303030303030303030303030222c226b696e64223a2261637469766174696f6e222c226e6574776f726b223a22736f6c616e613a356d6f7267386742336e6f355a7a52434635534e37434746554b48707638614d227d5d2c226d616e646174655f6c69666574696d655f73223a38363430302c2274696d655f6c6f636b5f73223a307d2c226964223a22736d616c6c222c226c696d697473223a7b22686f757273223a6e756c6c2c227065725f7472616e73666572223a5b7b22616d6f756e74223a2231393939393939393939393939393939393939222c226173736574223a226569703135353a33313333372f736c697034343a3630227d5d2c2277696e646f7773223a5b5d7d2c2273636f7065223a7b22616374696f6e73223a5b227472616e73666572225d2c22617373657473223a22616e79222c22636c69656e7473223a22616e79222c2264657374696e6174696f6e73223a22616e79222c22696e69746961746f7273223a22616e79222c226e6574776f726b73223a22616e79222c227661756c7473223a22616e79227d7d2c7b22656666656374223a22616c6c6f77222c226772616e74223a7b22617070726f76616c73223a7b226e65656473223a5b7b22636f756e74223a322c2267726f7570223a227472656173757279227d5d2c226f72646572223a22616e79227d2c22636f737473223a5b7b22616d6f756e74223a2231303030303030303030303030303030303030222c226b696e64223a22666565222c226e6574776f726b223a226269703132323a3066393138386631336362376232633731663261333335653361346663333238227d2c7b22616d6f756e74223a2231303030303030303030303030303030303030222c226b696e64223a2272656e74222c226e6574776f726b223a226269703132323a3066393138386631336362376232633731663261333335653361346663333238227d2c7b22616d6f756e74223a2231303030303030303030303030303030303030222c226b696e64223a2261637469766174696f6e222c226e6574776f726b223a226269703132323a3066393138386631336362376232633731663261333335653361346663333238227d2c7b22616d6f756e74223a2231303030303030303030303030303030303030222c226b696e64223a22666565222c226e6574776f726b223a226569703135353a3331333337227d2c7b22616d6f756e74223a2231303030303030303030303030303030303030222c226b696e64223a2272656e74222c226e6574776f726b223a226569703135353a3331333337227d2c7b22616d6f756e74223a2231303030303030303030303030303030303030222c226b696e64223a2261637469766174696f6e222c226e6574776f726b223a226569703135353a3331333337227d2c7b22616d6f756e74223a2231303030303030303030303030303030303030222c226b696e64223a22666565222c226e6574776f726b223a226569703135353a3331333338227d2c7b22616d6f756e74223a2231303030303030303030303030303030303030222c226b696e64223a2272656e74222c226e6574776f726b223a226569703135353a3331333338227d2c7b22616d6f756e74223a2231303030303030303030303030303030303030222c226b696e64223a2261637469766174696f6e222c226e6574776f726b223a226569703135353a3331333338227d2c7b22616d6f756e74223a2231303030303030303030303030303030303030222c226b696e64223a22666565222c226e6574776f726b223a2274726f6e3a30786666353163623461227d2c7b22616d6f756e74223a2231303030303030303030303030303030303030222c226b696e64223a2272656e74222c226e6574776f726b223a2274726f6e3a30786666353163623461227d2c7b22616d6f756e74223a2231303030303030303030303030303030303030222c226b696e64223a2261637469766174696f6e222c226e6574776f726b223a2274726f6e3a30786666353163623461227d2c7b22616d6f756e74223a2231303030303030303030303030303030303030222c226b696e64223a22666565222c226e6574776f726b223a22736f6c616e613a356d6f7267386742336e6f355a7a52434635534e37434746554b48707638614d227d2c7b22616d6f756e74223a2231303030303030303030303030303030303030222c226b696e64223a2272656e74222c226e6574776f726b223a22736f6c616e613a356d6f7267386742336e6f355a7a52434635534e37434746554b48707638614d227d2c7b22616d6f756e74223a2231303030303030303030303030303030303030222c226b696e64223a2261637469766174696f6e222c226e6574776f726b223a22736f6c616e613a356d6f7267386742336e6f355a7a52434635534e37434746554b48707638614d227d5d2c226d616e646174655f6c69666574696d655f73223a38363430302c2274696d655f6c6f636b5f73223a307d2c226964223a226c61726765222c226c696d697473223a7b22686f757273223a6e756c6c2c227065725f7472616e73666572223a5b5d2c2277696e646f7773223a5b5d7d2c2273636f7065223a7b22616374696f6e73223a5b227472616e73666572225d2c22617373657473223a22616e79222c22636c69656e7473223a22616e79222c2264657374696e6174696f6e73223a22616e79222c22696e69746961746f7273223a22616e79222c226e6574776f726b73223a22616e79222c227661756c7473223a22616e79227d7d5d2c2276657273696f6e223a317d', '\x7b2261646d696e2d31223a226163656366326338306633386632646533333836643762653434616330346634313533376638656261633664646638393735663265353539343766666331666261326633643765666166616661643134316232636637353365306634326134626533373834633664633337323963393465653832306561313937663564653066222c2261646d696e2d32223a226166376339613338326631616430326436646536323263633262656165333737333430366337343330303363643235616364653438313263616164313365323465383436636364303564323262393535313536623263366331636332623865313434653030376661633136643938323963313932303631313134306565363065227d', '2026-11-27 10:51:48+00', '2026-11-27 10:51:50.644955+00');


--
-- Data for Name: readings; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.readings VALUES ('eip155:31337', 0, 12, 'complete', '2026-11-27 10:51:51.637642+00');


--
-- Data for Name: reconciled; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.reconciled VALUES ('vlt_01m8ea41qxajwkmzfy48bq6f0m', 'eip155:31337/slip44:60', 'eip155:31337', 11, 96999942533062780000, 96999942533062780000, 'equal', '', 0, '2026-11-27 10:52:07.10574+00', '2026-11-27 10:52:07.10574+00');


--
-- Data for Name: reservations; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.reservations VALUES ('tfr_232hzkj9x4a271gqy3yg3mnffk', 1, 'eip155:31337/slip44:60', 'effect', 1000000000000000000, 'ent_01m8ea486p7jmqe9nkr3jadftx', 1000000000000000000);
INSERT INTO public.reservations VALUES ('tfr_232hzkj9x4a271gqy3yg3mnffk', 1, 'eip155:31337/slip44:60', 'fee', 5000000000000000, 'ent_01m8ea486p7jmqe9p3zxzjtvyj', 29248263345000);
INSERT INTO public.reservations VALUES ('tfr_5gnz3crgk8rn9zapsbk5mdhrdv', 1, 'eip155:31337/slip44:60', 'effect', 2000000000000000000, 'ent_01m8ea48a34bc0dpj9msn8m5s9', 2000000000000000000);
INSERT INTO public.reservations VALUES ('tfr_5gnz3crgk8rn9zapsbk5mdhrdv', 1, 'eip155:31337/slip44:60', 'fee', 5000000000000000, 'ent_01m8ea48a34bc0dpnven16ygqs', 28218673875000);
INSERT INTO public.reservations VALUES ('tfr_1bpezqap30p1mmn1s0j2797frv', 1, 'eip155:31337/slip44:60', 'effect', 2000000000000000000, 'ent_01m8ea492s2ztewhb19eb4askr', 0);
INSERT INTO public.reservations VALUES ('tfr_1bpezqap30p1mmn1s0j2797frv', 1, 'eip155:31337/slip44:60', 'fee', 5000000000000000, 'ent_01m8ea492s2ztewhj5s54zjmcd', 0);
INSERT INTO public.reservations VALUES ('tfr_2e35v5vy7hqhtn32yyy4vsbjmv', 1, 'eip155:31337/slip44:60', 'effect', 2000000000000000000, 'ent_01m8ea49qftkkgfywcpbbaw0an', 0);
INSERT INTO public.reservations VALUES ('tfr_2e35v5vy7hqhtn32yyy4vsbjmv', 1, 'eip155:31337/slip44:60', 'fee', 5000000000000000, 'ent_01m8ea49qftkkgfz3jk7ksst52', 0);
INSERT INTO public.reservations VALUES ('tfr_4sq86dvr2axq1wstqy5t87dh19', 1, 'eip155:31337/slip44:60', 'effect', 2000000000000000000, 'ent_01m8ea49vqgpamk3e9rqygdzvk', NULL);
INSERT INTO public.reservations VALUES ('tfr_4sq86dvr2axq1wstqy5t87dh19', 1, 'eip155:31337/slip44:60', 'fee', 5000000000000000, 'ent_01m8ea49vqgpamk3m86xabcd04', NULL);


--
-- Data for Name: sequenced_entries; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.sequenced_entries VALUES (1, 'cli_01m8ea41hekdhp2wj93h49hg11', 1, 'ent_01m8ea461mmp784sdemzps6r35', '0f7e7f6a60af');
INSERT INTO public.sequenced_entries VALUES (2, 'cli_01m8ea41hekdhp2wj93h49hg11', 2, 'ent_01m8ea481fa2xgca3rreabtgyf', 'fb78b3481ff1');
INSERT INTO public.sequenced_entries VALUES (3, 'cli_01m8ea41hekdhp2wj93h49hg11', 3, 'ent_01m8ea486p7jmqe9nkr3jadftx', 'fb78b3481ff1');
INSERT INTO public.sequenced_entries VALUES (4, 'cli_01m8ea41hekdhp2wj93h49hg11', 4, 'ent_01m8ea486p7jmqe9p3zxzjtvyj', 'fb78b3481ff1');
INSERT INTO public.sequenced_entries VALUES (5, 'cli_01m8ea41hekdhp2wj93h49hg11', 5, 'ent_01m8ea48a34bc0dpj9msn8m5s9', 'fb78b3481ff1');
INSERT INTO public.sequenced_entries VALUES (6, 'cli_01m8ea41hekdhp2wj93h49hg11', 6, 'ent_01m8ea48a34bc0dpnven16ygqs', 'fb78b3481ff1');
INSERT INTO public.sequenced_entries VALUES (7, 'cli_01m8ea41hekdhp2wj93h49hg11', 7, 'ent_01m8ea492s2ztewhb19eb4askr', '59aa2267e36c');
INSERT INTO public.sequenced_entries VALUES (8, 'cli_01m8ea41hekdhp2wj93h49hg11', 8, 'ent_01m8ea492s2ztewhj5s54zjmcd', '59aa2267e36c');
INSERT INTO public.sequenced_entries VALUES (9, 'cli_01m8ea41hekdhp2wj93h49hg11', 9, 'ent_01m8ea49bn7krnje6q3af4pzjn', '59aa2267e36c');
INSERT INTO public.sequenced_entries VALUES (10, 'cli_01m8ea41hekdhp2wj93h49hg11', 10, 'ent_01m8ea49bn7krnjebe68bmr4se', '59aa2267e36c');
INSERT INTO public.sequenced_entries VALUES (11, 'cli_01m8ea41hekdhp2wj93h49hg11', 11, 'ent_01m8ea49qftkkgfywcpbbaw0an', '303082e01356');
INSERT INTO public.sequenced_entries VALUES (12, 'cli_01m8ea41hekdhp2wj93h49hg11', 12, 'ent_01m8ea49qftkkgfz3jk7ksst52', '303082e01356');
INSERT INTO public.sequenced_entries VALUES (13, 'cli_01m8ea41hekdhp2wj93h49hg11', 13, 'ent_01m8ea49tjcv25kjy06rf64k3h', '303082e01356');
INSERT INTO public.sequenced_entries VALUES (14, 'cli_01m8ea41hekdhp2wj93h49hg11', 14, 'ent_01m8ea49tjcv25kk4gdbpa556m', '303082e01356');
INSERT INTO public.sequenced_entries VALUES (15, 'cli_01m8ea41hekdhp2wj93h49hg11', 15, 'ent_01m8ea49vqgpamk3e9rqygdzvk', '303082e01356');
INSERT INTO public.sequenced_entries VALUES (16, 'cli_01m8ea41hekdhp2wj93h49hg11', 16, 'ent_01m8ea49vqgpamk3m86xabcd04', '303082e01356');
INSERT INTO public.sequenced_entries VALUES (17, 'cli_01m8ea41hekdhp2wj93h49hg11', 17, 'ent_01m8ea4fe0q01ggywch99vw96x', 'a0be21e14474');
INSERT INTO public.sequenced_entries VALUES (18, 'cli_01m8ea41hekdhp2wj93h49hg11', 18, 'ent_01m8ea4fe0q01ggz28hyp77695', 'a0be21e14474');
INSERT INTO public.sequenced_entries VALUES (19, 'cli_01m8ea41hekdhp2wj93h49hg11', 19, 'ent_01m8ea4hg2mc0nqkfb58zdq99w', 'eab6c434c394');
INSERT INTO public.sequenced_entries VALUES (20, 'cli_01m8ea41hekdhp2wj93h49hg11', 20, 'ent_01m8ea4hg2mc0nqkjyb82vt2ft', 'eab6c434c394');


--
-- Data for Name: sequenced_events; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.sequenced_events VALUES (1, NULL, NULL, 1, 'c41a7121ee97');
INSERT INTO public.sequenced_events VALUES (2, 'cli_01m8ea41hekdhp2wj93h49hg11', 1, 2, '0f7e7f6a60af');
INSERT INTO public.sequenced_events VALUES (3, 'cli_01m8ea41hekdhp2wj93h49hg11', 2, 3, 'fb78b3481ff1');
INSERT INTO public.sequenced_events VALUES (4, 'cli_01m8ea41hekdhp2wj93h49hg11', 3, 4, 'fb78b3481ff1');
INSERT INTO public.sequenced_events VALUES (5, 'cli_01m8ea41hekdhp2wj93h49hg11', 4, 5, 'fb78b3481ff1');
INSERT INTO public.sequenced_events VALUES (6, 'cli_01m8ea41hekdhp2wj93h49hg11', 5, 6, 'fb78b3481ff1');
INSERT INTO public.sequenced_events VALUES (7, 'cli_01m8ea41hekdhp2wj93h49hg11', 6, 7, '59aa2267e36c');
INSERT INTO public.sequenced_events VALUES (8, 'cli_01m8ea41hekdhp2wj93h49hg11', 7, 8, '59aa2267e36c');
INSERT INTO public.sequenced_events VALUES (9, 'cli_01m8ea41hekdhp2wj93h49hg11', 8, 9, '59aa2267e36c');
INSERT INTO public.sequenced_events VALUES (10, 'cli_01m8ea41hekdhp2wj93h49hg11', 9, 10, '59aa2267e36c');
INSERT INTO public.sequenced_events VALUES (11, 'cli_01m8ea41hekdhp2wj93h49hg11', 10, 11, '59aa2267e36c');
INSERT INTO public.sequenced_events VALUES (12, 'cli_01m8ea41hekdhp2wj93h49hg11', 11, 12, '59aa2267e36c');
INSERT INTO public.sequenced_events VALUES (13, 'cli_01m8ea41hekdhp2wj93h49hg11', 12, 13, '59aa2267e36c');
INSERT INTO public.sequenced_events VALUES (14, 'cli_01m8ea41hekdhp2wj93h49hg11', 13, 14, '303082e01356');
INSERT INTO public.sequenced_events VALUES (15, 'cli_01m8ea41hekdhp2wj93h49hg11', 14, 15, '303082e01356');
INSERT INTO public.sequenced_events VALUES (16, 'cli_01m8ea41hekdhp2wj93h49hg11', 15, 16, '303082e01356');
INSERT INTO public.sequenced_events VALUES (17, 'cli_01m8ea41hekdhp2wj93h49hg11', 16, 17, '303082e01356');
INSERT INTO public.sequenced_events VALUES (18, 'cli_01m8ea41hekdhp2wj93h49hg11', 17, 18, '740d11ce6b96');
INSERT INTO public.sequenced_events VALUES (19, 'cli_01m8ea41hekdhp2wj93h49hg11', 18, 19, '740d11ce6b96');
INSERT INTO public.sequenced_events VALUES (20, 'cli_01m8ea41hekdhp2wj93h49hg11', 19, 20, '740d11ce6b96');
INSERT INTO public.sequenced_events VALUES (21, 'cli_01m8ea41hekdhp2wj93h49hg11', 20, 21, '740d11ce6b96');
INSERT INTO public.sequenced_events VALUES (22, 'cli_01m8ea41hekdhp2wj93h49hg11', 21, 22, 'e5265dabe0d9');
INSERT INTO public.sequenced_events VALUES (23, 'cli_01m8ea41hekdhp2wj93h49hg11', 22, 23, '67ead3c829e7');
INSERT INTO public.sequenced_events VALUES (24, 'cli_01m8ea41hekdhp2wj93h49hg11', 23, 24, '4f626ee489ba');
INSERT INTO public.sequenced_events VALUES (25, 'cli_01m8ea41hekdhp2wj93h49hg11', 24, 25, 'a0be21e14474');
INSERT INTO public.sequenced_events VALUES (26, 'cli_01m8ea41hekdhp2wj93h49hg11', 25, 26, 'a0be21e14474');
INSERT INTO public.sequenced_events VALUES (27, 'cli_01m8ea41hekdhp2wj93h49hg11', 26, 27, 'eab6c434c394');
INSERT INTO public.sequenced_events VALUES (28, 'cli_01m8ea41hekdhp2wj93h49hg11', 27, 28, 'eab6c434c394');
INSERT INTO public.sequenced_events VALUES (29, 'cli_01m8ea41hekdhp2wj93h49hg11', 28, 29, '91933bbf1692');
INSERT INTO public.sequenced_events VALUES (30, 'cli_01m8ea41hekdhp2wj93h49hg11', 29, 30, '91933bbf1692');
INSERT INTO public.sequenced_events VALUES (31, 'cli_01m8ea41hekdhp2wj93h49hg11', 30, 31, '91933bbf1692');
INSERT INTO public.sequenced_events VALUES (32, 'cli_01m8ea41hekdhp2wj93h49hg11', 31, 32, '91933bbf1692');


--
-- Data for Name: sightings; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.sightings VALUES ('eip155:31337', '0x19d6f7672197f9964974851895fba81a2f63759d5f1b1edd523c43c1fa3de324', 8, '0xa08a1daa2aa0a2fbaf3f70c1e6f8e225d7595248484955c3da5f765495c4838b', NULL, '[["eip155:31337/slip44:60","fee","29248263345000"]]');
INSERT INTO public.sightings VALUES ('eip155:31337', '0xc1e5852f30adb6986e591ac22b8fb15db0ab6eca38474e813176d4c1593abdcb', 9, '0xae7147306cf1dddd7720b1521a952b47a3f47ac5c1ddf7958a98ad9e2805f8e9', NULL, '[["eip155:31337/slip44:60","fee","28218673875000"]]');


--
-- Data for Name: signer_checkpoints; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.signer_checkpoints VALUES ('custody-wallet/log/bb8a7d730c15af51/1', '\xbb8a7d730c15af51be34352c1653e03b948ce8167ed617fce4350153d0e7baf7', 'custody-wallet/log/bb8a7d730c15af51/1
2
rWI23PpeKfsr2BXNnxLChXqbu7OJ9vYg3QUbO72Wj9s=

— custody-wallet/log/bb8a7d730c15af51/1 ZjNI5cKsZZ36Ey2MhOx9gedXH9Kln0/DSPeHmUaYLJ+hGg9ARuGpXpCMGdATpVwca+SYecGkCWFWRFCutx9FAXmtQwg=
', NULL, '2026-11-27 10:51:52.273188+00');


--
-- Data for Name: signer_journal; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.signer_journal VALUES (1, 4, '\x3db5de2e70af9d6f3cfdbb73e6730641d32dbf36ca879bea22008400979a3221', NULL, NULL);


--
-- Data for Name: spends; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.spends VALUES ('spa_2f09n90frspy6pa8zd1z63qwpk', 1, 'tfr_232hzkj9x4a271gqy3yg3mnffk', 1005000000000000000, 1, 0, 0, NULL, NULL, 1005000000000000000, 1, 0, 0, NULL, 0);
INSERT INTO public.spends VALUES ('spa_2312ebtefbdh2r2sc3h6r4esfn', 1, 'tfr_232hzkj9x4a271gqy3yg3mnffk', 1005000000000000000, 1, 0, 0, NULL, NULL, 1005000000000000000, 1, 0, 0, NULL, 0);
INSERT INTO public.spends VALUES ('spa_2f09n90frspy6pa8zd1z63qwpk', 2, 'tfr_5gnz3crgk8rn9zapsbk5mdhrdv', 2005000000000000000, 1, 0, 0, NULL, NULL, 3010000000000000000, 2, 0, 0, NULL, 0);
INSERT INTO public.spends VALUES ('spa_5f987skd8m0ww9pgkg4q9sj7af', 1, 'tfr_5gnz3crgk8rn9zapsbk5mdhrdv', 2005000000000000000, 1, 0, 0, NULL, NULL, 2005000000000000000, 1, 0, 0, NULL, 0);
INSERT INTO public.spends VALUES ('spa_2f09n90frspy6pa8zd1z63qwpk', 3, 'tfr_1bpezqap30p1mmn1s0j2797frv', 2005000000000000000, 1, 0, 0, NULL, NULL, 5015000000000000000, 3, 0, 0, NULL, 0);
INSERT INTO public.spends VALUES ('spa_4x622f34ctkg84xmfp27cc1tzr', 1, 'tfr_1bpezqap30p1mmn1s0j2797frv', 2005000000000000000, 1, 0, 0, NULL, NULL, 2005000000000000000, 1, 0, 0, NULL, 0);
INSERT INTO public.spends VALUES ('spa_2f09n90frspy6pa8zd1z63qwpk', 4, 'tfr_1bpezqap30p1mmn1s0j2797frv', 0, 0, 0, 0, NULL, NULL, 3010000000000000000, 2, 0, 0, NULL, 0);
INSERT INTO public.spends VALUES ('spa_4x622f34ctkg84xmfp27cc1tzr', 2, 'tfr_1bpezqap30p1mmn1s0j2797frv', 0, 0, 0, 0, NULL, NULL, 0, 0, 0, 0, NULL, 0);
INSERT INTO public.spends VALUES ('spa_2f09n90frspy6pa8zd1z63qwpk', 5, 'tfr_2e35v5vy7hqhtn32yyy4vsbjmv', 2005000000000000000, 1, 0, 0, NULL, NULL, 5015000000000000000, 3, 0, 0, NULL, 0);
INSERT INTO public.spends VALUES ('spa_6rt76tx95n5cq5haj9pac55f2c', 1, 'tfr_2e35v5vy7hqhtn32yyy4vsbjmv', 2005000000000000000, 1, 0, 0, NULL, NULL, 2005000000000000000, 1, 0, 0, NULL, 0);
INSERT INTO public.spends VALUES ('spa_2312ebtefbdh2r2sc3h6r4esfn', 2, 'tfr_232hzkj9x4a271gqy3yg3mnffk', 0, 0, 1005000000000000000, 1, '2026-11-27 10:51:58+00', NULL, 0, 0, 1005000000000000000, 1, '2026-11-27 10:51:58+00', 0);
INSERT INTO public.spends VALUES ('spa_2f09n90frspy6pa8zd1z63qwpk', 6, 'tfr_232hzkj9x4a271gqy3yg3mnffk', 0, 0, 1005000000000000000, 1, '2026-11-27 10:51:58+00', NULL, 4010000000000000000, 2, 1005000000000000000, 1, '2026-11-27 10:51:58+00', 0);
INSERT INTO public.spends VALUES ('spa_2f09n90frspy6pa8zd1z63qwpk', 7, 'tfr_2e35v5vy7hqhtn32yyy4vsbjmv', 0, 0, 0, 0, NULL, NULL, 2005000000000000000, 1, 1005000000000000000, 1, '2026-11-27 10:51:58+00', 0);
INSERT INTO public.spends VALUES ('spa_6rt76tx95n5cq5haj9pac55f2c', 2, 'tfr_2e35v5vy7hqhtn32yyy4vsbjmv', 0, 0, 0, 0, NULL, NULL, 0, 0, 0, 0, NULL, 0);
INSERT INTO public.spends VALUES ('spa_2f09n90frspy6pa8zd1z63qwpk', 8, 'tfr_4sq86dvr2axq1wstqy5t87dh19', 2005000000000000000, 1, 0, 0, NULL, NULL, 4010000000000000000, 2, 1005000000000000000, 1, '2026-11-27 10:51:58+00', 0);
INSERT INTO public.spends VALUES ('spa_7rm53kfrwe8y1xg5p84649qt8n', 1, 'tfr_4sq86dvr2axq1wstqy5t87dh19', 2005000000000000000, 1, 0, 0, NULL, NULL, 2005000000000000000, 1, 0, 0, NULL, 0);
INSERT INTO public.spends VALUES ('spa_2f09n90frspy6pa8zd1z63qwpk', 9, 'tfr_5gnz3crgk8rn9zapsbk5mdhrdv', 0, 0, 2005000000000000000, 1, '2026-11-27 10:52:01+00', NULL, 2005000000000000000, 1, 3010000000000000000, 2, '2026-11-27 10:52:01+00', 0);
INSERT INTO public.spends VALUES ('spa_5f987skd8m0ww9pgkg4q9sj7af', 2, 'tfr_5gnz3crgk8rn9zapsbk5mdhrdv', 0, 0, 2005000000000000000, 1, '2026-11-27 10:52:01+00', NULL, 0, 0, 2005000000000000000, 1, '2026-11-27 10:52:01+00', 0);


--
-- Data for Name: suspense_decisions; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.suspense_decisions VALUES ('id', 'vlt_01m8ea41qxajwkmzfy48bq6f0m', 'asset', 1, 'destination', 'reason', 'decided_by', '2026-01-01 00:00:00+00');


--
-- Data for Name: transaction_transfers; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.transaction_transfers VALUES ('txn_01m8ea48z9ve8p8p8hewyjpma4', 'tfr_232hzkj9x4a271gqy3yg3mnffk', 1);
INSERT INTO public.transaction_transfers VALUES ('txn_01m8ea4bqz3pdr7agakjf93q68', 'tfr_5gnz3crgk8rn9zapsbk5mdhrdv', 1);


--
-- Data for Name: transactions; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.transactions VALUES ('txn_01m8ea48z9ve8p8p8hewyjpma4', 'eip155:31337', 'vlt_01m8ea41qxajwkmzfy48bq6f0m', 'pay', NULL, '0x074B0bDbe0dEF6743F7a3DE2996905B5d0fF5D63', 'final', 5, '\x02f1827a6980843b9aca0084711dacb0825208945150de76481a39bfea707d6c92bf3ddbb8922b60880de0b6b3a764000080c0', '0x074B0bDbe0dEF6743F7a3DE2996905B5d0fF5D63', '\x02f874827a6980843b9aca0084711dacb0825208945150de76481a39bfea707d6c92bf3ddbb8922b60880de0b6b3a764000080c080a0114663d70f2f8e8cdaae43b7eef69bc15bba4916b5bcb8d804bc8f04373732eba07e4d27f87f6186ebdd3ec2037a904aca1be9226b13b33bb46d68d725e6a951ad', '0x19d6f7672197f9964974851895fba81a2f63759d5f1b1edd523c43c1fa3de324', 5, 8, '0xa08a1daa2aa0a2fbaf3f70c1e6f8e225d7595248484955c3da5f765495c4838b', '[["eip155:31337/slip44:60","fee","29248263345000"]]', '[]', NULL, NULL, '\x7b22636865636b706f696e74223a22637573746f64792d77616c6c65742f6c6f672f626238613764373330633135616635312f315c6e335c6e52384770494a3171646c426b73714561544c6a42524731336b68525447435a764771746d4e732b2b6856383d5c6e5c6ee2809420637573746f64792d77616c6c65742f6c6f672f626238613764373330633135616635312f31205a6a4e493556384b65483457637a49744d6a2f5742507665434e685945624945485472532f457472694c6c5271473547346e65617374494a5547555136522f6f737759353253686a615356437a6139617176504d4d6f65667641773d5c6e222c2268656164223a2265643164663631383965666361333339626361623432373562666364373839396133656235393732633439336562643565363331353264663664306637636532222c226d616e6461746573223a5b2262346631666661373263643033313838626361373838303537636637656262633337623633373766653530623365373765343966643537336531643335366631225d2c22707572706f7365223a22706179222c227265636f726473223a5b5b332c325d5d2c227369676e617475726573223a5b7b227075626c69635f6b6579223a22303337623535363265376337303931666131323962633835613462613735356530343465366466363464343664653433623237633331323639383334656663646564222c227369676e6174757265223a2231313436363364373066326638653863646161653433623765656636396263313562626134393136623562636238643830346263386630343337333733326562376534643237663837663631383665626464336563323033376139303461636131626539323236623133623333626234366436386437323565366139353161643030227d5d2c227369676e65645f6174223a22323032362d31312d32375431303a35313a35385a222c227472616e7366657273223a5b227466725f323332687a6b6a39783461323731677179337967336d6e66666b225d2c2274785f646967657374223a2232393431316363613739616563653962356265376236326333316330396536373939626137303261633264333438646431666137363034313238633030326162227d', 3, '\xed1df6189efca339bcab4275bfcd7899a3eb5972c493ebd5e63152df6d0f7ce2', '2026-11-27 10:51:57.801273+00', '2026-11-27 10:51:58+00', '2026-11-27 10:52:00.573925+00', '2026-11-27 10:52:04.254877+00');
INSERT INTO public.transactions VALUES ('txn_01m8ea4bqz3pdr7agakjf93q68', 'eip155:31337', 'vlt_01m8ea41qxajwkmzfy48bq6f0m', 'pay', NULL, '0x074B0bDbe0dEF6743F7a3DE2996905B5d0fF5D63', 'final', 5, '\x02f1827a6901843b9aca00846a6d505a82520894ef76c9b731351bdc16798c12a537a8d9e4d3caab881bc16d674ec8000080c0', '0x074B0bDbe0dEF6743F7a3DE2996905B5d0fF5D63', '\x02f874827a6901843b9aca00846a6d505a82520894ef76c9b731351bdc16798c12a537a8d9e4d3caab881bc16d674ec8000080c080a0c827997ad2871b7d4eaf595a98838220c1943810111b4d4e0ffd714ec88423e4a01942a95fd80b763b7858348d235ba731fe18dddbde74623982e081b807ac522f', '0xc1e5852f30adb6986e591ac22b8fb15db0ab6eca38474e813176d4c1593abdcb', 7, 9, '0xae7147306cf1dddd7720b1521a952b47a3f47ac5c1ddf7958a98ad9e2805f8e9', '[["eip155:31337/slip44:60","fee","28218673875000"]]', '[]', NULL, NULL, '\x7b22636865636b706f696e74223a22637573746f64792d77616c6c65742f6c6f672f626238613764373330633135616635312f315c6e345c6e4d4e636a6b67634e384d495358655572704c3574646c7746436f4642314d5577325067766d4374354434413d5c6e5c6ee2809420637573746f64792d77616c6c65742f6c6f672f626238613764373330633135616635312f31205a6a4e4935582f7559734e71395937776a455a2b63486d752f54394e67343875366f4b4f343830384c6b33424962614330646f35422b6c4355342b44666c392b483930704e2f7534557678546f586d4f524c484b5a49324c6267383d5c6e222c2268656164223a2233646235646532653730616639643666336366646262373365363733303634316433326462663336636138373962656132323030383430303937396133323231222c226d616e6461746573223a5b2239656432353865323137666663363233323461636134656339393736643162336337316536396165306133363162653833643062346631343362376534366464225d2c22707572706f7365223a22706179222c227265636f726473223a5b5b342c335d5d2c227369676e617475726573223a5b7b227075626c69635f6b6579223a22303337623535363265376337303931666131323962633835613462613735356530343465366466363464343664653433623237633331323639383334656663646564222c227369676e6174757265223a2263383237393937616432383731623764346561663539356139383833383232306331393433383130313131623464346530666664373134656338383432336534313934326139356664383062373633623738353833343864323335626137333166653138646464626465373436323339383265303831623830376163353232663030227d5d2c227369676e65645f6174223a22323032362d31312d32375431303a35323a30315a222c227472616e7366657273223a5b227466725f35676e7a336372676b38726e397a617073626b356d6468726476225d2c2274785f646967657374223a2237363934373464353035346532323562393963646332623935366431656263356564393965383662353334346261633963376366376531353662363765616561227d', 4, '\x3db5de2e70af9d6f3cfdbb73e6730641d32dbf36ca879bea22008400979a3221', '2026-11-27 10:52:00.63921+00', '2026-11-27 10:52:01+00', '2026-11-27 10:52:01.477943+00', '2026-11-27 10:52:06.413341+00');


--
-- Data for Name: transfers; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.transfers VALUES ('tfr_232hzkj9x4a271gqy3yg3mnffk', 'ord_01m8ea483r46y3jedrt4b43qxv', 'cli_01m8ea41hekdhp2wj93h49hg11', 'vlt_01m8ea41qxajwkmzfy48bq6f0m', 'eip155:31337', 'eip155:31337/slip44:60', '0x5150DE76481A39bfeA707d6c92Bf3DDbB8922B60', NULL, 1000000000000000000, 5000000000000000, NULL, 'robot', NULL, 'final', 3, NULL, NULL, '2026-11-27 10:51:56+00', '2026-11-27 10:52:04.254877+00');
INSERT INTO public.transfers VALUES ('tfr_5gnz3crgk8rn9zapsbk5mdhrdv', 'ord_01m8ea48a2e9vvc75cezqdwgd4', 'cli_01m8ea41hekdhp2wj93h49hg11', 'vlt_01m8ea41qxajwkmzfy48bq6f0m', 'eip155:31337', 'eip155:31337/slip44:60', '0xEf76C9b731351BDC16798c12A537A8d9E4d3caab', NULL, 2000000000000000000, 5000000000000000, NULL, 'robot', NULL, 'final', 4, NULL, NULL, '2026-11-27 10:51:57+00', '2026-11-27 10:52:06.413341+00');
INSERT INTO public.transfers VALUES ('tfr_1bpezqap30p1mmn1s0j2797frv', 'ord_01m8ea492rxh2r6g1n7x4gd4cf', 'cli_01m8ea41hekdhp2wj93h49hg11', 'vlt_01m8ea41qxajwkmzfy48bq6f0m', 'eip155:31337', 'eip155:31337/slip44:60', '0x1b8D007BE66770a9E25aDAbfb543D1abdc24CD2a', NULL, 2000000000000000000, 5000000000000000, NULL, 'robot', NULL, 'rejected', 2, NULL, 'by ada', '2026-11-27 10:51:57+00', '2026-11-27 10:51:58.024399+00');
INSERT INTO public.transfers VALUES ('tfr_2e35v5vy7hqhtn32yyy4vsbjmv', 'ord_01m8ea49qdzxbeweknxwrt2dej', 'cli_01m8ea41hekdhp2wj93h49hg11', 'vlt_01m8ea41qxajwkmzfy48bq6f0m', 'eip155:31337', 'eip155:31337/slip44:60', '0x0757476B150efD529f758278eD745C0a680Fa917', NULL, 2000000000000000000, 5000000000000000, NULL, 'robot', NULL, 'cancelled', 2, NULL, 'by robot', '2026-11-27 10:51:58+00', '2026-11-27 10:51:58.652825+00');
INSERT INTO public.transfers VALUES ('tfr_4sq86dvr2axq1wstqy5t87dh19', 'ord_01m8ea49vpn58d4bd031q11wg2', 'cli_01m8ea41hekdhp2wj93h49hg11', 'vlt_01m8ea41qxajwkmzfy48bq6f0m', 'eip155:31337', 'eip155:31337/slip44:60', '0x8Ce61574dEDe80F61C48533b581330F15c4877Af', NULL, 2000000000000000000, 5000000000000000, NULL, 'robot', NULL, 'awaiting_approval', 1, NULL, NULL, '2026-11-27 10:51:58+00', '2026-11-27 10:51:58.709772+00');


--
-- Data for Name: unsequenced; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: vault_freezes; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.vault_freezes VALUES ('frz_01m8ea4jjswdtksfrj0cs3pv0t', 'vlt_01m8ea41qxajwkmzfy48bq6f0m', 'a look at it', NULL, 'ada', '2026-11-27 10:52:07.460262+00', '2026-11-27 10:52:07.460262+00', 'ada', 'looked', NULL);


--
-- Data for Name: vault_openings; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.vault_openings VALUES ('vault_id', 'cli_01m8ea41hekdhp2wj93h49hg11', 'name', '2026-01-01 00:00:00+00');


--
-- Data for Name: vaults; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.vaults VALUES ('vlt_01m8ea41qxajwkmzfy48bq6f0m', 'cli_01m8ea41hekdhp2wj93h49hg11', 'Treasury', 0, 2, '\xe8c9ca1a11ddec5c4cf1747bdb10cc19dbbaeb0dbba9205f9dbe1a7d3abe59c3', NULL, '2026-11-27 10:51:50.668972+00');


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


