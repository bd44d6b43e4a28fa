// Whether somebody practises in this browser. The server says so in a cookie beside the login's, so that every page of the
// till knows it, also one that was kept before and is opened without a connection.

export const isOn = () => /(?:^|; )till-practice=/.test(document.cookie);
