// SPDX-License-Identifier: Apache-2.0
// A TLS server of Java's own (JSSE) with the pairs of several PKCS #12 files; its port is its first line.
import java.io.FileInputStream;
import java.net.InetAddress;
import java.security.KeyStore;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLServerSocket;
import javax.net.ssl.SSLSocket;

public class Jsse {
    public static void main(String[] files) throws Exception {
        char[] password = "x".toCharArray();
        KeyStore all = KeyStore.getInstance("PKCS12");
        all.load(null, password);
        for (int i = 1; i < files.length; i++) {
            KeyStore one = KeyStore.getInstance("PKCS12");
            one.load(new FileInputStream(files[i]), password);
            String name = one.aliases().nextElement();
            all.setKeyEntry("pair" + i, one.getKey(name, password), password, one.getCertificateChain(name));
        }
        KeyManagerFactory keys = KeyManagerFactory.getInstance("PKIX");
        keys.init(all, password);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(keys.getKeyManagers(), null, null);
        SSLServerSocket server = (SSLServerSocket)context.getServerSocketFactory().createServerSocket(
            0, 16, InetAddress.getLoopbackAddress());
        server.setEnabledProtocols(new String[] {files[0]});
        System.out.println(server.getLocalPort());
        while (true)
            try (SSLSocket client = (SSLSocket)server.accept()) {
                client.startHandshake();
            } catch (java.io.IOException failed) {
                System.err.println(failed);
            }
    }
}
