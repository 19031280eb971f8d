'use strict';
/* The status page. What comes from the gateway is shown as text only (textContent): names of devices
 * and topics may hold anything. No other host is asked, nothing is stored but the language. */
(function () {
  var TEXTS = {
    en: {
      other: '中文', link: 'Link to the hub', queue: 'Waiting for the hub', devices: 'Devices', drops: 'Dropped, since this store began',
      hour: 'The last hour', suspects: 'Topics that the hub does not acknowledge', unknown: 'Names that the hub does not know',
      suspectsFix: 'Declare them in the console, with permission to publish.',
      unknownFix: 'Bind them in the console, or keep them out with a rule of mappings[].',
      talkers: 'Who sends most', errors: 'Last errors and warnings', deviceList: 'Device list', find: 'part of a name',
      readonly: 'this page only shows; the command hubgate acts', live: 'live', stale: 'no connection to the gateway',
      since: 'for', at: 'at', trip: 'round trip', ms: 'ms', tls: 'TLS', plain: 'not encrypted', never: 'never: more comes in than goes out',
      messages: 'messages', bytes: 'bytes', oldest: 'oldest', drain: 'empty in', inflow: 'coming in, per minute', none: 'none',
      known: 'known', present: 'on the LAN', online: 'online at the hub', unbound: 'not bound', unknown_names: 'unknown names',
      bound: 'at a bound of the store', suspect: 'at a bound, topic not acknowledged', unacknowledged: 'never acknowledged', age: 'too old',
      damaged: 'damaged on disk', dropLive: 'QoS 0, hub away',
      in: 'in, per second', out: 'out, per second', queued: 'waiting', round_trip_ms: 'round trip, ms',
      perMinute: 'per minute', name: 'Device', lan: 'LAN', hub: 'Hub', isBound: 'Bound', waits: 'Waiting', shadow: 'Shadow, firmware',
      yes: 'yes', no: 'no', commands: 'commands', notKnown: '?', of: 'of', loading: 'the list comes',
      all: 'all', absent: 'not on the LAN', onlyQueued: 'with messages waiting', refused: 'refused by the hub', refusal: 'refused',
      states: { stopped: 'stopped', 'waiting to reconnect': 'waiting for the next attempt', connecting: 'connecting', 'logging in': 'logging in', subscribing: 'subscribing', ready: 'connected', leaving: 'leaving' },
      units: ['s', 'min', 'h', 'd']
    },
    zh: {
      other: 'English', link: '与物联网平台的连接', queue: '等待上传', devices: '设备', drops: '已丢弃（自本存储建立以来）',
      hour: '最近一小时', suspects: '平台不确认的 Topic', unknown: '平台不认识的名称',
      suspectsFix: '请在控制台定义这些 Topic 并授予发布权限。',
      unknownFix: '请在控制台绑定，或用 mappings[] 规则排除。',
      talkers: '发送最多的设备', errors: '最近的错误和警告', deviceList: '设备列表', find: '名称的一部分',
      readonly: '本页只读，操作请用 hubgate 命令', live: '实时', stale: '与网关的连接已断开',
      since: '已持续', at: '地址', trip: '往返时间', ms: '毫秒', tls: 'TLS', plain: '未加密', never: '不会清空：流入大于流出',
      messages: '消息数', bytes: '字节', oldest: '最早一条', drain: '预计清空', inflow: '每分钟流入', none: '无',
      known: '已知', present: '局域网在线', online: '平台在线', unbound: '未绑定', unknown_names: '未知名称',
      bound: '存储达到上限', suspect: '达到上限，Topic 未被确认', unacknowledged: '始终未被确认', age: '超过保存期限',
      damaged: '磁盘损坏', dropLive: 'QoS 0，平台不可达',
      in: '流入，每秒', out: '流出，每秒', queued: '等待', round_trip_ms: '往返，毫秒',
      perMinute: '每分钟', name: '设备', lan: '局域网', hub: '平台', isBound: '绑定', waits: '等待', shadow: '影子，固件',
      yes: '是', no: '否', commands: '条命令', notKnown: '？', of: '/', loading: '正在获取列表',
      all: '全部', absent: '不在局域网', onlyQueued: '有消息等待', refused: '被平台拒绝', refusal: '被拒绝',
      states: { stopped: '已停止', 'waiting to reconnect': '等待重连', connecting: '正在连接', 'logging in': '正在登录', subscribing: '正在订阅', ready: '已连接', leaving: '正在断开' },
      units: ['秒', '分钟', '小时', '天']
    }
  };
  var ONLY = ['all', 'present', 'absent', 'online', 'unbound', 'queued', 'refused'];
  var PAGE = 200, STALE_MS = 5000, TYPING_MS = 400;
  var view = { from: 0, only: 'all', find: '' };
  var last = {}, heard = 0, stream = null, typing = null, lang = 'en', t = TEXTS.en;

  function by(id) { return document.getElementById(id); }
  function clear(e) { while (e.firstChild) e.removeChild(e.firstChild); return e; }
  function make(tag, text, cls) {
    var e = document.createElement(tag);
    if (text !== undefined && text !== null) e.textContent = String(text);
    if (cls) e.className = cls;
    return e;
  }
  function put(id, text) { var e = by(id), s = String(text); if (e.textContent !== s) e.textContent = s; }
  function show(id, text) { put(id, text || ''); by(id).hidden = !text; }
  function is(x) { return x !== undefined && x !== null; }
  function number(x) { return is(x) ? Number(x).toLocaleString(lang) : t.notKnown; }
  function size(bytes) {
    var unit = 0;
    if (!is(bytes)) return t.notKnown;
    while (bytes >= 10240 && unit < 4) { bytes /= 1024; unit++; }
    return Math.round(bytes).toLocaleString(lang) + ['', ' KiB', ' MiB', ' GiB', ' TiB'][unit];
  }
  function duration(s) {
    if (!is(s)) return t.none;
    if (s < 120) return Math.round(s) + ' ' + t.units[0];
    if (s < 7200) return Math.round(s / 60) + ' ' + t.units[1];
    if (s < 172800) return Math.round(s / 3600) + ' ' + t.units[2];
    return Math.round(s / 86400) + ' ' + t.units[3];
  }
  function rows(id, list) {
    var dl = clear(by(id));
    list.forEach(function (r) {
      dl.appendChild(make('dt', r[0]));
      dl.appendChild(make('dd', r[1], r[2]));
    });
  }

  /* --- what the gateway says --- */

  function showLink(s) {
    var h = s.hub || {}, g = s.gateway || {};
    put('gateway', (g.product_id || '') + '/' + (g.device_name || ''));
    put('state', t.states[h.state] || h.state || '');
    by('state').className = 'pill ' + (h.state === 'ready' ? 'good' : h.state === 'stopped' ? 'bad' : 'warn');
    put('since', is(h.since_s) ? t.since + ' ' + duration(h.since_s) : '');
    show('reason', h.state === 'ready' ? '' : h.reason);
    show('fix', h.state === 'ready' ? '' : h.fix);
    put('hub', t.at + ' ' + (h.host || '') + ':' + (h.port || '') + ' (' + (h.tls ? t.tls : t.plain) + ')' +
      (is(h.round_trip_ms) ? ', ' + t.trip + ' ' + number(h.round_trip_ms) + ' ' + t.ms : ''));
    put('version', 'hubgate ' + (s.version || '') + ', mosquitto ' + (s.broker || ''));
    document.title = (h.state === 'ready' ? '' : '! ') + 'hubgate ' + (g.device_name || '');
  }
  function showQueue(q) {
    var drain = !q.messages ? t.none : !is(q.drain_s) ? t.never : duration(q.drain_s);
    rows('queue', [[t.messages, number(q.messages) + ' ' + t.of + ' ' + number(q.bound_messages)],
      [t.bytes, size(q.bytes) + ' ' + t.of + ' ' + size(q.bound_bytes)],
      [t.oldest, duration(q.oldest_age_s)], [t.drain, drain], [t.inflow, number(q.inflow_per_minute)]]);
  }
  function showCounts(d) {
    rows('counts', ['known', 'present', 'online', 'unbound', 'unknown_names'].map(function (k) {
      return [t[k], number(d[k]), (k === 'unbound' || k === 'unknown_names') && d[k] > 0 ? 'warn' : ''];
    }));
  }
  function showDrops(d) {
    rows('drops', Object.keys(d).map(function (k) {
      return [k === 'live' ? t.dropLive : t[k] || k, number(d[k]), d[k] > 0 ? 'warn' : ''];
    }));
  }
  function showList(id, items, line) {
    var card = by(id), ul = clear(card.querySelector('ul'));
    card.hidden = !items || items.length === 0;
    (items || []).forEach(function (x) { ul.appendChild(line(x)); });
  }
  function plainLine(x) { return make('li', x); }
  function talkerLine(x) {
    var li = make('li', x.name + ' ');
    li.appendChild(make('span', number(x.per_minute) + ' ' + t.perMinute, 'dim'));
    return li;
  }
  function errorLine(x) {
    var li = make('li'), when = new Date(x.time);
    li.appendChild(make('span', isNaN(when) ? x.time : when.toLocaleString(lang), 'dim'));
    li.appendChild(make('span', x.line, x.level === 'error' ? 'bad' : 'warn'));
    return li;
  }
  function showStatus(s) {
    showLink(s);
    showQueue(s.queue || {});
    showCounts(s.devices || {});
    showDrops(s.drops || {});
    showList('suspects', s.suspect_topics, plainLine);
    showList('unknown', s.unknown_names, plainLine);
    showList('talkers', s.talkers, talkerLine);
    showList('errors', (s.errors || []).slice().reverse(), errorLine);
  }

  /* --- charts --- */

  var SVG = 'http://www.w3.org/2000/svg';
  function shape(tag, attributes) {
    var e = document.createElementNS(SVG, tag);
    Object.keys(attributes).forEach(function (k) { e.setAttribute(k, attributes[k]); });
    return e;
  }
  /* A gap where nothing is known. */
  function path(values, most, points) {
    var d = '', pen = 'M';
    values.forEach(function (v, i) {
      if (!is(v)) { pen = 'M'; return; }
      d += pen + (points - values.length + i) + ' ' + (100 - 96 * v / most).toFixed(1);
      pen = 'L';
    });
    return d;
  }
  function chart(name, values, scale) {
    var points = 360, shown = values.map(function (v) { return is(v) ? v * scale : v; });
    var most = shown.reduce(function (m, v) { return is(v) && v > m ? v : m; }, 0);
    var now = shown.length ? shown[shown.length - 1] : null;
    var box = make('div', null, 'chart'), p = make('p'), svg;
    p.appendChild(make('span', t[name]));
    p.appendChild(make('span', (is(now) ? Number(now.toFixed(1)).toLocaleString(lang) : '–') + ' (max ' + Number(most.toFixed(1)).toLocaleString(lang) + ')'));
    svg = shape('svg', { viewBox: '0 0 ' + (points - 1) + ' 100', preserveAspectRatio: 'none', 'aria-label': t[name], role: 'img' });
    svg.appendChild(shape('path', { 'class': 'axis', d: 'M0 100H' + (points - 1) }));
    svg.appendChild(shape('path', { 'class': 'line ' + name, d: path(shown, most || 1, points) }));
    box.appendChild(p);
    box.appendChild(svg);
    return box;
  }
  function showHistory(h) {
    var box = clear(by('charts')), s = h.step_s || 10;
    [['in', 1 / s], ['out', 1 / s], ['queued', 1], ['round_trip_ms', 1]].forEach(function (c) {
      box.appendChild(chart(c[0], h[c[0]] || [], c[1]));
    });
  }

  /* --- devices --- */

  function cell(label, text, cls) {
    var e = make('span', null, 'cell');
    e.appendChild(make('span', label, 'label'));
    e.appendChild(make('span', text, cls));
    return e;
  }
  function yes(x) { return !is(x) ? t.notKnown : x ? t.yes : t.no; }
  function colour(x, no) { return x === true ? 'good' : x === false ? no : 'dim'; }
  function device(d) {
    var row = make('div', null, 'device'), waits = number(d.queued), more = [];
    if (d.commands > 0) waits += ', ' + number(d.commands) + ' ' + t.commands;
    if (is(d.shadow_version)) more.push('v' + d.shadow_version);
    if (d.firmware) more.push(d.firmware);
    row.appendChild(make('span', d.product_id + '/' + d.device_name, 'name'));
    row.appendChild(cell(t.lan, yes(d.present), colour(d.present, 'dim')));
    row.appendChild(cell(t.hub, yes(d.online), colour(d.online, d.present ? 'warn' : 'dim')));
    row.appendChild(cell(t.isBound, yes(d.bound), colour(d.bound, 'bad')));
    row.appendChild(cell(t.waits, waits, d.queued > 0 || d.commands > 0 ? 'warn' : 'dim'));
    row.appendChild(cell(t.shadow, more.length ? more.join(', ') : '–', 'dim'));
    if (d.refusal) {
      var what = make('span', null, 'what');
      what.appendChild(make('span', t.refusal + ': ' + d.refusal.op + ' ' + d.refusal.code + ', ' + d.refusal.text, 'bad'));
      if (d.refusal.fix) what.appendChild(make('span', ' ' + d.refusal.fix, 'fix'));
      row.appendChild(what);
    }
    return row;
  }
  function header() {
    var row = make('div', null, 'device head');
    row.appendChild(make('span', t.name, 'name'));
    [t.lan, t.hub, t.isBound, t.waits, t.shadow].forEach(function (x) { row.appendChild(make('span', x)); });
    return row;
  }
  function showDevices(l) {
    var table = clear(by('table')), to = l.from + l.devices.length;
    table.appendChild(header());
    l.devices.forEach(function (d) { table.appendChild(device(d)); });
    put('matching', number(l.matching) + ' ' + t.of + ' ' + number(l.total));
    put('place', l.matching ? number(Math.min(l.from + 1, to)) + '–' + number(to) : '–');
    by('prev').disabled = l.from === 0;
    by('next').disabled = to >= l.matching;
  }

  /* --- live --- */

  function showLive() {
    var live = heard > 0 && Date.now() - heard < STALE_MS;
    put('live', live ? t.live : t.stale);
    by('live').className = 'pill ' + (live ? 'good' : 'bad');
  }
  function hear(name, take) {
    stream.addEventListener(name, function (e) {
      last[name] = JSON.parse(e.data);
      heard = Date.now();
      take(last[name]);
      showLive();
    });
  }
  function open() {
    if (stream) stream.close();
    stream = new EventSource('/events?from=' + view.from + '&only=' + view.only + '&find=' + encodeURIComponent(view.find));
    hear('status', showStatus);
    hear('history', showHistory);
    hear('devices', showDevices);
  }
  function look(change) {
    Object.keys(change).forEach(function (k) { view[k] = change[k]; });
    delete last.devices;
    put('matching', t.loading);
    open();
  }

  /* --- languages --- */

  function speak(name) {
    lang = TEXTS[name] ? name : 'en';
    t = TEXTS[lang];
    document.documentElement.lang = lang === 'zh' ? 'zh-CN' : 'en';
    document.querySelectorAll('[data-t]').forEach(function (e) { e.textContent = t[e.getAttribute('data-t')]; });
    document.querySelectorAll('[data-p]').forEach(function (e) { e.placeholder = t[e.getAttribute('data-p')]; });
    put('language', t.other);
    var only = clear(by('only'));
    ONLY.forEach(function (k) {
      var o = make('option', k === 'queued' ? t.onlyQueued : t[k]);
      o.value = k;
      o.selected = k === view.only;
      only.appendChild(o);
    });
    if (last.status) showStatus(last.status); else ['suspects', 'unknown', 'talkers', 'errors'].forEach(function (id) { by(id).hidden = true; });
    if (last.history) showHistory(last.history);
    if (last.devices) showDevices(last.devices); else put('matching', t.loading);
    showLive();
  }
  function remembered() { try { return localStorage.getItem('language'); } catch (e) { return null; } }
  function remember(name) { try { localStorage.setItem('language', name); } catch (e) { /* private window */ } }

  by('language').addEventListener('click', function () {
    speak(lang === 'en' ? 'zh' : 'en');
    remember(lang);
  });
  by('prev').addEventListener('click', function () { look({ from: Math.max(0, view.from - PAGE) }); });
  by('next').addEventListener('click', function () { look({ from: view.from + PAGE }); });
  by('only').addEventListener('change', function (e) { look({ from: 0, only: e.target.value }); });
  by('filter').addEventListener('submit', function (e) { e.preventDefault(); });
  by('find').addEventListener('input', function (e) {
    clearTimeout(typing);
    typing = setTimeout(function () { look({ from: 0, find: e.target.value }); }, TYPING_MS);
  });
  speak(remembered() || (/^zh/i.test(navigator.language || '') ? 'zh' : 'en'));
  setInterval(showLive, 1000);
  open();
})();
