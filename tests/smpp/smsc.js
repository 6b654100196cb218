'use strict';
/* An SMSC made of npm's smpp. What happens is a line of JSON on its output, what is to be done a line on its input:
 *
 *   {"n":1,"order":"submits","statuses":[88,0]}      statuses of the next submit_sm; afterwards 0
 *   {"n":2,"order":"binds","statuses":[14]}          of the next binds
 *   {"n":3,"order":"receipts","state":"UNDELIV"}     what the receipts say; null: none
 *   {"n":4,"order":"deliver","pdu":{…}}              a deliver_sm; told when it is answered
 *   {"n":5,"order":"enquire"}, "unbind", "leave"     on every connection
 *
 * usage: node smsc.js PORT [CERTIFICATE KEY]; PORT 0: any. */
const { createRequire } = require('node:module');
const fs = require('node:fs');
const path = require('node:path');
const readline = require('node:readline');

const smpp = createRequire(path.join(process.env.CALLGATE_SMPP_DIR, 'x'))('smpp');

const RECEIPT = 4; // esm_class
const STATES = { DELIVRD: 2, EXPIRED: 3, DELETED: 4, UNDELIV: 5, UNKNOWN: 7, REJECTD: 8 };
const [port, certificate, key] = process.argv.slice(2);
const account = { system_id: 'gate', password: 's3cretpw' };
const next = { submits: [], binds: [] };
const sessions = new Map(); // to what it is bound as, or ''
let state = 'DELIVRD';
let ids = 100;

const tell = (event, more) => process.stdout.write(`${JSON.stringify({ event, ...more })}\n`);

function receiver() {
    return [...sessions].find(([, as]) => as === 'receiver' || as === 'transceiver')?.[0];
}

function judge(pdu) {
    if (next.binds.length)
        return next.binds.shift();
    if (pdu.system_id !== account.system_id)
        return smpp.ESME_RINVSYSID;
    return pdu.password === account.password ? smpp.ESME_ROK : smpp.ESME_RINVPASWD;
}

function bind(session, pdu, as) {
    const status = judge(pdu);
    if (status === 0)
        sessions.set(session, as);
    tell('bind', { as, status, system_type: pdu.system_type, version: pdu.interface_version });
    session.send(pdu.response({ command_status: status, system_id: 'npm' }));
}

/* The text lies in short_message or in message_payload: as the library reads it. */
function submitted(pdu, id) {
    const text = (pdu.message_payload ?? pdu.short_message).message;
    return {
        id, text, from: pdu.source_addr, to: pdu.destination_addr, coding: pdu.data_coding, esm: pdu.esm_class,
        source: [pdu.source_addr_ton, pdu.source_addr_npi], registered: pdu.registered_delivery,
        service_type: pdu.service_type, payload: pdu.message_payload !== undefined, validity: pdu.validity_period || null,
        udh: (pdu.short_message.udh ?? []).map((element) => element.toString('hex')),
        sar: [pdu.sar_msg_ref_num, pdu.sar_total_segments, pdu.sar_segment_seqnum].map((value) => value ?? null),
    };
}

function give_receipt(pdu, id) {
    const told = `id:${id} sub:001 dlvrd:001 submit date:2611301200 done date:2611301201 stat:${state} err:000 text:`;
    receiver()?.deliver_sm({
        source_addr: pdu.destination_addr, source_addr_ton: 1, source_addr_npi: 1,
        destination_addr: pdu.source_addr, destination_addr_ton: 1, destination_addr_npi: 1,
        esm_class: RECEIPT, short_message: told, receipted_message_id: id, message_state: STATES[state],
    }, (answer) => tell('receipted', { id, status: answer.command_status }));
}

function submit(session, pdu) {
    const status = next.submits.length ? next.submits.shift() : smpp.ESME_ROK;
    const id = String(ids++);
    tell('submit', { status, as: sessions.get(session), ...submitted(pdu, id) });
    session.send(pdu.response({ command_status: status, message_id: id }));
    if (status === 0 && state)
        give_receipt(pdu, id);
}

function on_session(session) {
    sessions.set(session, '');
    for (const as of ['transceiver', 'transmitter', 'receiver'])
        session.on(`bind_${as}`, (pdu) => bind(session, pdu, as));
    session.on('submit_sm', (pdu) => submit(session, pdu));
    session.on('enquire_link', (pdu) => {
        tell('enquired', { as: sessions.get(session) });
        session.send(pdu.response());
    });
    session.on('unbind', (pdu) => {
        tell('unbind', { as: sessions.get(session) });
        session.send(pdu.response());
        session.close();
    });
    session.on('generic_nack', (pdu) => tell('nack', { status: pdu.command_status }));
    session.on('error', (problem) => tell('error', { problem: String(problem) }));
    session.on('close', () => sessions.delete(session) && tell('close'));
}

const orders = {
    submits: ({ n, statuses }) => { next.submits = statuses; tell('done', { n }); },
    binds: ({ n, statuses }) => { next.binds = statuses; tell('done', { n }); },
    receipts: ({ n, state: wanted }) => { state = wanted; tell('done', { n }); },
    deliver: ({ n, pdu }) => receiver().deliver_sm(
        { ...pdu, short_message: readable(pdu.short_message) },
        (answer) => tell('done', { n, status: answer.command_status })),
    enquire: ({ n }) => on_all(n, (session, done) => session.enquire_link(done)),
    unbind: ({ n }) => on_all(n, (session, done) => session.unbind(done)),
    leave: ({ n }) => on_all(n, (session, done) => session.destroy(() => done({ command: 'close' }))),
};

/* A text, or {"udh": hexadecimal, "message": text}. */
function readable(message) {
    return typeof message === 'string' ? message : { ...message, udh: Buffer.from(message.udh, 'hex') };
}

function on_all(n, act) {
    const waiting = [...sessions.keys()].map((session) => new Promise((done) => act(session, done)));
    Promise.all(waiting).then((answers) => tell('done', { n, answers: answers.map((one) => one.command) }));
}

readline.createInterface({ input: process.stdin }).on('line', (line) => {
    const order = JSON.parse(line);
    orders[order.order](order);
}).on('close', () => process.exit(0));

const options = certificate ? { cert: fs.readFileSync(certificate), key: fs.readFileSync(key) } : {};
const server = smpp.createServer(options, on_session);
server.on('tlsClientError', (problem) => tell('refused', { problem: String(problem) }));
server.listen(Number(port), '127.0.0.1', () => tell('listening', { port: server.address().port }));
