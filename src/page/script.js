(function () {
  'use strict';
  document.documentElement.classList.add('js');
  var tip = document.createElement('div');
  tip.id = 'tip';
  document.body.appendChild(tip);
  function scale(text) {
    var p = text.split(','), log = p[0] === 'log', f = log ? Math.log10 : function (v) { return v; };
    var a = f(+p[1]), b = f(+p[2]);
    return {
      log: log,
      at: function (part) { var v = a + (b - a) * part; return log ? Math.pow(10, v) : v; },
      place: function (v) { return (f(v) - a) / (b - a); }
    };
  }
  function show(v) {
    var size = Math.abs(v);
    return size !== 0 && (size < 1e-3 || size >= 1e5) ? v.toExponential(2) : String(+v.toPrecision(4));
  }
  function points(path) {
    if (!path.places) {
      path.places = (path.getAttribute('d').match(/[ML]-?[\d.]+ -?[\d.]+/g) || []).map(function (t) {
        return t.slice(1).split(' ').map(Number);
      });
    }
    return path.places;
  }
  function nearest(path, x) {
    return points(path).reduce(function (best, p) {
      return best === null || Math.abs(p[0] - x) < Math.abs(best[0] - x) ? p : best;
    }, null);
  }
  function ticks(area, view, full) {
    var svg = area.ownerSVGElement, old = svg.querySelector('.zoomed');
    if (old) { old.remove(); }
    var usual = svg.querySelector('.ticks');
    usual.style.display = view ? 'none' : '';
    if (!view) { return; }
    var group = document.createElementNS(svg.namespaceURI, 'g');
    group.setAttribute('class', 'zoomed');
    var x0 = area.x.baseVal.value, y0 = area.y.baseVal.value, i, part;
    function text(x, y, anchor, words) {
      var t = document.createElementNS(svg.namespaceURI, 'text');
      t.setAttribute('x', x); t.setAttribute('y', y); t.setAttribute('text-anchor', anchor);
      t.textContent = words; group.appendChild(t);
    }
    for (i = 0; i <= 4; i += 1) {
      part = i / 4;
      text(x0 + full[0] * part, y0 + full[1] + 13, 'middle', show(scale(area.dataset.x).at((view[0] + view[2] * part) / full[0])));
      text(x0 - 5, y0 + full[1] * part + 3.5, 'end', show(scale(area.dataset.y).at(1 - (view[1] + view[3] * part) / full[1])));
    }
    svg.insertBefore(group, svg.firstChild);
  }
  document.querySelectorAll('svg.area').forEach(function (area) {
    var full = [area.width.baseVal.value, area.height.baseVal.value], start = null, mark = null;
    function at(event) {
      var box = area.getScreenCTM().inverse();
      return new DOMPoint(event.clientX, event.clientY).matrixTransform(box);
    }
    area.addEventListener('pointermove', function (event) {
      var p = at(event), x = scale(area.dataset.x), y = scale(area.dataset.y);
      var lines = [area.dataset.l + ' ' + show(x.at(p.x / full[0]))];
      var paths = Array.from(area.querySelectorAll('[data-n]')).slice(0, 9);
      paths.forEach(function (path) {
        var n = nearest(path, p.x);
        if (n && path.dataset.n) { lines.push(path.dataset.n + ' ' + show(y.at(1 - n[1] / full[1]))); }
      });
      if (area.dataset.r) {
        var row = area.dataset.r.split('|')[Math.round(-y.at(1 - p.y / full[1]))];
        if (row) { lines.unshift(row); }
      } else if (!paths.length) { lines.push(show(y.at(1 - p.y / full[1]))); }
      tip.textContent = lines.join('\n');
      tip.style.display = 'block';
      var left = Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 6);
      tip.style.left = Math.max(4, left) + 'px';
      tip.style.top = Math.max(4, Math.min(event.clientY + 14, innerHeight - tip.offsetHeight - 6)) + 'px';
      if (mark) {
        mark.setAttribute('x', Math.min(start.x, p.x)); mark.setAttribute('width', Math.abs(p.x - start.x));
        mark.setAttribute('y', Math.min(start.y, p.y)); mark.setAttribute('height', Math.abs(p.y - start.y));
      }
    });
    area.addEventListener('pointerleave', function () { tip.style.display = 'none'; });
    area.addEventListener('pointerdown', function (event) {
      if (event.pointerType === 'touch') { return; }
      event.preventDefault();
      start = at(event);
      area.setPointerCapture(event.pointerId);
      mark = document.createElementNS(area.namespaceURI, 'rect');
      mark.setAttribute('fill', 'currentColor'); mark.setAttribute('opacity', '.12');
      area.appendChild(mark);
    });
    area.addEventListener('pointerup', function (event) {
      if (!start) { return; }
      var end = at(event), w = Math.abs(end.x - start.x), h = Math.abs(end.y - start.y);
      var view = [Math.min(start.x, end.x), Math.min(start.y, end.y), w, h];
      mark.remove(); start = null; mark = null;
      var now = area.viewBox.baseVal;
      if (w > now.width / 60 && h > now.height / 60) { area.setAttribute('viewBox', view.join(' ')); ticks(area, view, full); }
    });
    area.addEventListener('dblclick', function () {
      area.setAttribute('viewBox', '0 0 ' + full.join(' ')); ticks(area, null, full);
    });
  });
  document.querySelectorAll('figure:not(.wide) figcaption').forEach(function (caption) {
    caption.addEventListener('click', function () { caption.parentNode.classList.toggle('big'); });
  });
}());
